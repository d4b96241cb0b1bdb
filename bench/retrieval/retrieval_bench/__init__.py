"""What the measures of retrieval share: real code, cases cut from it, and the method to beat."""
