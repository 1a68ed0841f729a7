"""Text processing: cleaning, language detection, sentences, terms and labels."""
