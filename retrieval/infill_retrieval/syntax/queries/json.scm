; The keys of the first two levels say what a document is about.
(document (object (pair key: (string (string_content) @name) value: [(object) (array)] @body) @type))
(document (object (pair key: (string (string_content) @name)) @value))
(document (object (pair value: (object (pair key: (string (string_content) @name)) @field))))
