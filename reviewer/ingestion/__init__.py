"""Turns documents (Word, PDF, web pages, spreadsheets, text) into rules that a person looks over."""
