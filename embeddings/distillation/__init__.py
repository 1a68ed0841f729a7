"""Knowledge distillation into another language. Imports nothing, so that `recipe` stays light to import."""
