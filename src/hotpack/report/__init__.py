"""Turns results into tables and charts for a terminal."""
