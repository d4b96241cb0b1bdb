;;; lint.el --- Byte-compile, checkdoc and package-lint a package  -*- lexical-binding: t; -*-

;; usage: emacs -Q --batch -L FOLDER... -l lint.el MAIN-FILE
;; The package is the folder of its main file.
;; Any warning is an error.

;;; Code:

(setq native-comp-enable-subr-trampolines nil) ; there is no compiler for it here

(require 'bytecomp)
(require 'checkdoc)
(require 'package-lint)

(defvar lint-problems 0)

(defun lint-complain (tool file line text)
  (setq lint-problems (1+ lint-problems))
  (message "%s:%s: %s: %s" file line tool text))

(setq package-lint-main-file (expand-file-name (car command-line-args-left)))
(add-to-list 'load-path (file-name-directory package-lint-main-file))

(defun lint-file (file)
  "Complain of what is wrong in FILE."
  (let* ((name (file-name-nondirectory file))
         (byte-compile-warnings t)
         (byte-compile-dest-file-function (lambda (_) (make-temp-file "lint" nil ".elc")))
         (byte-compile-log-warning-function
          (lambda (text position _fill _level) (lint-complain "byte-compile" name position text)))
         (checkdoc-create-error-function
          (lambda (text start _end &optional _unfixable)
            (lint-complain "checkdoc" name (and start (line-number-at-pos start)) text)
            nil)))
    (unless (byte-compile-file file)
      (lint-complain "byte-compile" name 0 "failed"))
    (with-current-buffer (find-file-noselect file)
      (checkdoc-current-buffer t)
      (pcase-dolist (`(,line ,_column ,_type ,text) (package-lint-buffer))
        ;; Without a network the archives that dependencies come from are not known.
        (lint-complain "package-lint" name line text)))))

(let ((files (directory-files (file-name-directory package-lint-main-file) t "\\.el\\'")))
  (mapc #'lint-file files)
  (message "lint: %d files, %d problems" (length files) lint-problems))
(kill-emacs (if (zerop lint-problems) 0 1))

;;; lint.el ends here
