"""What runs, renders, prints and checks the book; no chapter imports it."""
