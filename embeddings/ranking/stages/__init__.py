"""The stages of the ranking pipeline, a module each; the name of the module is that of the stage."""
