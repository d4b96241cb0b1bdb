;;; infill-overlays.el --- Show something over the text  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Next edits and the results of instructions are drawn with overlays.

;;; Code:

(require 'cl-lib)

(defun infill--overlay-with (start end &rest properties)
  "Return a new overlay from START to END with PROPERTIES."
  (let ((overlay (make-overlay start end)))
    (cl-loop for (name value) on properties by #'cddr
             do (overlay-put overlay name value))
    overlay))

(provide 'infill-overlays)
;;; infill-overlays.el ends here
