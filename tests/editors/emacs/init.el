;;; init.el --- The configuration of the Emacs under test  -*- lexical-binding: t; -*-

;;; Commentary:

;; What a user would write, and a way for the test to look inside.

;;; Code:

(setq native-comp-jit-compilation nil ; there is no compiler for it here
      native-comp-enable-subr-trampolines nil
      inhibit-startup-screen t
      make-backup-files nil
      create-lockfiles nil
      auto-save-default nil)
(menu-bar-mode -1)
(prefer-coding-system 'utf-8)
(set-language-environment "UTF-8")

(require 'server)
(setq server-name (getenv "INFILL_SOCKET"))
(server-start)

(defun infill-test-report (value)
  "Write VALUE as JSON to the file that the test reads."
  (let ((coding-system-for-write 'utf-8-unix)
        (unfinished (concat (getenv "INFILL_RESULT") ".new")))
    (with-temp-file unfinished
      (insert (json-encode value)))
    (rename-file unfinished (getenv "INFILL_RESULT") t)))

(defun infill-test-evaluate (expression)
  "Report what EXPRESSION comes to, once Emacs waits for keys.
What emacsclient has it evaluate, and some code around that, can be
quit: a C-g that the test presses meanwhile would be no key."
  (run-at-time
   0 nil
   (lambda ()
     (infill-test-report
      (condition-case err
          (with-current-buffer (infill-test-buffer)
            (list :value (eval expression t)))
        (error (list :error (error-message-string err))))))))

(defun infill-test-buffer ()
  "Return the buffer under test."
  (window-buffer (selected-window)))

;; A package that is installed is loaded by what the user calls.
(unless (file-directory-p (locate-user-emacs-file "elpa"))
  (require 'infill))
(setq infill-command (append (json-parse-string (getenv "INFILL_COMMAND") :array-type 'list) nil)
      infill-settings (json-parse-string (getenv "INFILL_SETTINGS") :object-type 'plist
                                         :false-object :json-false))

;; All of this has been read: the test may begin.
(infill-test-report '(:value t))

;;; init.el ends here
