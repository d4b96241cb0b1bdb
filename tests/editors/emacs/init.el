;;; init.el --- The configuration of the Emacs under test  -*- lexical-binding: t; -*-

;;; Commentary:

;; What a user would write, and a way for the test to look inside.

;;; Code:

(require 'json)
(setq native-comp-jit-compilation nil ; there is no compiler for it here
      native-comp-enable-subr-trampolines nil
      inhibit-startup-screen t
      make-backup-files nil
      create-lockfiles nil
      infill-next-edit-delay 0.1 ; each test waits for it
      auto-save-default nil)
(menu-bar-mode -1)
(prefer-coding-system 'utf-8)
(set-language-environment "UTF-8")

(defun infill-test-receive (connection text)
  "Have what the test sends on CONNECTION evaluated: each line of TEXT is an expression, as JSON."
  (let ((lines (split-string (concat (process-get connection :unfinished) text) "\n")))
    (process-put connection :unfinished (car (last lines)))
    (dolist (line (butlast lines))
      ;; Once Emacs waits for keys.  What runs elsewhere can be quit: a C-g that the test presses meanwhile would be
      ;; no key.
      (run-at-time 0 nil #'infill-test-evaluate connection line))))

(defun infill-test-evaluate (connection line)
  "Tell the test on CONNECTION what the expression in LINE comes to, as JSON."
  (process-send-string
   connection
   (concat
    (json-encode
     (condition-case err
         (with-current-buffer (infill-test-buffer)
           (list :value (eval (read (json-parse-string line)) t)))
       (error (list :error (error-message-string err)))))
    "\n")))

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
(make-network-process :name "infill-test" :server t :family 'local :service (getenv "INFILL_SOCKET")
                      :coding 'utf-8-unix :noquery t :filter #'infill-test-receive)

;;; init.el ends here
