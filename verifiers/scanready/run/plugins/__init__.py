"""Target types that other packages bring: found, loaded, checked, and guarded."""
