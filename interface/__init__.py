"""The page of the app, part by part."""
