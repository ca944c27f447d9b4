"""What the user asks for: parse scenarios, objectives and faults from text into frozen values."""
