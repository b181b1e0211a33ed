"""What the pages of this project share: HTML, a look, and pictures that ask for nothing."""
