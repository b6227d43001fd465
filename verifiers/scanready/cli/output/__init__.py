"""Write the output: terminal, files, transcript, support bundle."""
