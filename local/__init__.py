"""What runs Boomerang on one machine with nothing installed: embedded servers, the demo, the smoke run."""
