;;; infill-commands.el --- Commands of infill.el beside those for ghost text  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Explaining, switching off and on, models, statistics, the server and its log.

;;; Code:

(require 'infill-connection)
(require 'infill-ghost)
(require 'infill-next-edit)
(require 'infill-switch)
(require 'map)
(require 'seq)
(require 'subr-x)

(declare-function gfm-view-mode "ext:markdown-mode")
(defvar infill-mode)

(defun infill-explain ()
  "Show how the last completion of this buffer was made."
  (interactive)
  (unless infill--opened (user-error "No server has this buffer open"))
  (let ((report (jsonrpc-request infill--opened :infill/explain
                                 (list :textDocument (infill--document)))))
    (if report
        (infill--show-report (plist-get report :markdown) "explanation" t)
      (message "infill-ls has not been asked for a completion here yet"))))

(defun infill--report-columns ()
  "Return how wide a report may be, in the window that it will have."
  (let ((columns (frame-width)))
    (1- (if (and split-width-threshold (>= columns split-width-threshold))
            (/ columns 2)
          columns))))

(defun infill--show-report (text name &optional is-markdown)
  "Show TEXT, a report called NAME, in a window like one of help.
Non-nil IS-MARKDOWN says what kind of text it is."
  (with-current-buffer (get-buffer-create (format "*infill %s*" name))
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert text)
      (goto-char (point-min))
      ;; What is Markdown is shown as such where markdown-mode is installed.
      (if (and is-markdown (fboundp 'gfm-view-mode))
          (gfm-view-mode)
        (special-mode)))
    (infill--display (current-buffer))))

(defun infill--display (buffer)
  "Show BUFFER in a window like one of help.
It is selected if `help-window-select' says so, and the echo area tells
how to be rid of it."
  (let* ((help-window-old-frame (selected-frame))
         (window (display-buffer buffer)))
    (when (windowp window) (help-window-setup window))))

(defun infill--say-whether-on (on where)
  "Show whether suggestions are ON at WHERE, and why there may be none yet.
Without WHERE, tell whether they are on in this buffer."
  (let ((off (infill-switched-off)))
    (message "infill-ls: %s"
             (cond ((null where) (or off "on"))
                   ((not on) (concat "off " where))
                   (off (format "on %s, but %s" where off))
                   (t (concat "on " where)))))
  (force-mode-line-update t))

(defun infill--switched (&optional on where)
  "Take ghost texts away after something was switched, and tell.
ON says whether it was switched on at WHERE."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (bound-and-true-p infill-mode)
        (infill-dismiss)
        (infill--edit-hide))))
  (infill--say-whether-on on where))

(defun infill-toggle ()
  "Switch suggestions off in all buffers, or on again.
Asking explicitly works all the same."
  (interactive)
  (setq infill--off (not infill--off)
        infill--paused-until nil)
  (infill--switched))

(defun infill-toggle-language ()
  "Switch suggestions off for the major mode of this buffer, or on again."
  (interactive)
  (setq infill--off-modes (if (memq major-mode infill--off-modes)
                              (delq major-mode infill--off-modes)
                            (cons major-mode infill--off-modes)))
  (infill--switched (not (memq major-mode infill--off-modes)) (format "in %s" major-mode)))

(defun infill-toggle-workspace ()
  "Switch suggestions off in the workspace of this buffer, or on again."
  (interactive)
  (let ((root (infill--workspace)))
    (setq infill--off-workspaces (if (member root infill--off-workspaces)
                                     (delete root infill--off-workspaces)
                                   (cons root infill--off-workspaces)))
    (infill--switched (not (member root infill--off-workspaces)) "in this workspace")))

(defun infill-pause (minutes)
  "Suggest nothing for MINUTES, or with t until the next start of Emacs.
From the keyboard it is read, or is the numeric prefix argument;
\\[universal-argument] alone says t."
  (interactive (list (cond ((consp current-prefix-arg) t)
                           (current-prefix-arg (prefix-numeric-value current-prefix-arg))
                           (t (read-number "Minutes without suggestions: " 60)))))
  (setq infill--paused-until (or (eq minutes t) (time-add nil (* 60 minutes))))
  (infill--switched))

(defun infill-resume ()
  "Resume suggestions after a pause."
  (interactive)
  (setq infill--paused-until nil)
  (infill--switched))

(defun infill--program-folder ()
  "Return a folder of this machine, in which the server's program may run."
  (if (infill--remote-p) (expand-file-name "~/") default-directory))

(defun infill--run-program (arguments done)
  "Run the server's program with ARGUMENTS and call DONE with its output."
  (let ((buffer (generate-new-buffer " *infill output*"))
        (default-directory (infill--program-folder))
        (process-environment (cons (format "COLUMNS=%d" (infill--report-columns))
                                  process-environment)))
    (make-process
     :name "infill" :buffer buffer :noquery t :connection-type 'pipe
     :command (cons (car infill-command) arguments)
     :sentinel (lambda (process _event)
                 (unless (process-live-p process)
                   (let ((output (with-current-buffer buffer (string-trim (buffer-string)))))
                     (kill-buffer buffer)
                     (if (zerop (process-exit-status process))
                         (funcall done output)
                       (message "%s" output))))))))

(defun infill-choose-model (name)
  "Use the model NAME: here at once, in other editors when they start.
NAME may also be a GGUF file.  A model that is not on this machine is
downloaded, if the user says yes."
  (interactive (list (infill--read-model)))
  (pcase-let (((map :download :path)
               (infill--told-by-program "model" "info" "--json" "--" name)))
    (when download (infill--may-download download))
    (infill--use-model name (cond (download (plist-get download :name))
                                  ((string-suffix-p ".gguf" name t) path)
                                  (t name)))))

(defun infill--use-model (name setting)
  "Use the model NAME, and call it SETTING in the settings."
  (message "infill-ls is preparing %s" name)
  (infill--run-program
   (list "model" "use" "--" name)
   (lambda (_output)
     (setq infill-settings (plist-put (copy-sequence infill-settings) :model setting))
     (infill--settings-changed)
     (message "infill-ls uses %s" setting))))

(defun infill--told-by-program (&rest arguments)
  "Return the JSON that the server's program prints for ARGUMENTS.
Signal an error with what it says if it fails."
  (let ((errors (make-temp-file "infill"))
        (default-directory (infill--program-folder)))
    (unwind-protect
        (with-temp-buffer
          (if (eql 0 (apply #'call-process (car infill-command) nil (list t errors) nil
                            arguments))
              (json-parse-string (buffer-string) :object-type 'plist
                                 :null-object nil :false-object nil)
            (insert-file-contents errors)
            (user-error "%s" (string-trim (buffer-string)))))
      (delete-file errors))))

(defun infill--read-model ()
  "Read the name of a model, with completion."
  (let* ((models (plist-get (infill--told-by-program "model" "list" "--json") :models))
         (name (completing-read
                "Model: "
                (lambda (string predicate action)
                  (if (eq action 'metadata)
                      `(metadata (annotation-function . ,(infill--model-notes models)))
                    (complete-with-action action
                                          (seq-map (lambda (model) (plist-get model :name)) models)
                                          string predicate)))
                nil t)))
    ;; With nothing typed, it is empty.
    (if (string-empty-p name) (user-error "No model was chosen") name)))

(defun infill--may-download (model)
  "Ask whether MODEL, of which the program told, may be downloaded.
Signal an error if it may not."
  (pcase-let (((map :name :bytes :licence :source) model))
    (unless (y-or-n-p (format "Download %s, %s, licence %s, from huggingface.co/%s? "
                              name
                              (if bytes (format "%.2f GB" (/ bytes 1e9)) "size unknown")
                              (if (string-empty-p licence) "unknown" licence)
                              source))
      (user-error "%s was not downloaded" name))))

(defun infill--model-notes (models)
  "Return a function that notes of one of MODELS where it is."
  (lambda (name)
    (let ((model (seq-find (lambda (one) (equal name (plist-get one :name))) models)))
      (cond ((plist-get model :inUse) "  in use")
            ((plist-get model :path) "  on this machine")
            (t "  to be fetched")))))

(defun infill-customize ()
  "Show the options of infill-ls, to be changed."
  (interactive)
  (customize-group 'infill))

(defun infill-statistics ()
  "Show how much was suggested and accepted."
  (interactive)
  (let ((keys num-input-keys))
    (infill--run-program
     '("stats")
     (lambda (text)
       ;; Whoever has gone on typing is to stay where they are.
       (let ((help-window-select (and (eql keys num-input-keys) help-window-select)))
         (infill--show-report text "statistics"))))))

(defun infill-restart ()
  "Stop all servers, and restart this buffer's."
  (interactive)
  (infill-shutdown)
  (setq infill--failed nil)
  (when infill-mode (infill--connection))
  ;; The last that was told is that a server has ended.
  (message (if infill-mode "infill-ls restarts" "infill-ls has stopped")))

(defun infill-show-log ()
  "Show what the server wrote to its log."
  (interactive)
  (let ((log (get-buffer-create " *infill-ls stderr*")))
    (with-current-buffer log
      (unless (derived-mode-p 'special-mode) (special-mode)))
    (infill--display log)
    (when (zerop (buffer-size log))
      (message "infill-ls has logged nothing"))))

(defun infill-shutdown ()
  "Stop all servers of `infill-mode', until the next edit."
  (interactive)
  (dolist (connection (hash-table-values infill--connections))
    (ignore-errors (jsonrpc-request connection :shutdown nil :timeout 3))
    (ignore-errors (jsonrpc-notify connection :exit nil))
    (jsonrpc-shutdown connection)))

(provide 'infill-commands)
;;; infill-commands.el ends here
