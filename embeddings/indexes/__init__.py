"""Vector and lexical indexes: queries in, nearest rows out."""
