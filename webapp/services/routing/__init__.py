"""Live routing on a real floor: who is present, who serves whom now, and why; decided by the optimizer's router."""
