; What scripts and styles refer to: elements with an id, and templates of custom elements.
(start_tag
  (attribute
    (attribute_name) @_id (#eq? @_id "id")
    (quoted_attribute_value (attribute_value) @name))) @value

(script_element (start_tag (attribute
  (attribute_name) @_src (#eq? @_src "src")
  (quoted_attribute_value (attribute_value) @import.module)))) @import
(self_closing_tag (attribute
  (attribute_name) @_href (#eq? @_href "href")
  (quoted_attribute_value (attribute_value) @import.module))) @import
(start_tag
  (tag_name) @_link (#eq? @_link "link")
  (attribute
    (attribute_name) @_href (#eq? @_href "href")
    (quoted_attribute_value (attribute_value) @import.module))) @import
