"""Pictures, audio and text: as results, as files, and where they came from."""
