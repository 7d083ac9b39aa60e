"""How answers are had: questions, the models that answer them (a folder or an endpoint), and a journal of what was answered."""
