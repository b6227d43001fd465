"""Where the output goes: terminal, files, transcript, support bundle."""
