"""One run over many targets: engine, registry of verifiers, and the agent's own rung."""
