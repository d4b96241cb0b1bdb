;;; infill-ask.el --- Instructions to a model  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Have a model write this function, rewrite the region, document, test or
;; describe.  What comes of it is shown below its place, and made when the
;; user takes it: one step to undo.  It can be asked for again, or dropped.
;; Who edits the text elsewhere meanwhile loses nothing.

;;; Code:

(require 'cl-lib)
(require 'infill-connection)
(require 'infill-ghost)
(require 'infill-next-edit)
(require 'infill-overlays)
(require 'seq)
(require 'subr-x)
(require 'url-util)

(declare-function infill--show-report "infill-commands")

(defface infill-ask-old '((t :inherit error :strike-through t))
  "Face of text that an instruction removes."
  :group 'infill)

(defface infill-ask-new '((t :inherit success))
  "Face of lines that an instruction inserts."
  :group 'infill)

(defface infill-ask-hint '((t :inherit shadow))
  "Face of what the model says, and of the keys."
  :group 'infill)

(defconst infill--ask-most-lines 8
  "Of an outline that grows, so many lines are shown.")

(cl-defstruct infill--ask
  "An instruction that is carried out, or whose result is shown.
START and END are markers, CHANGES a list of START, END, OLD and NEW,
ELSEWHERE what is to be made in another file.  TOKEN is nil when the
model writes no longer."
  task start end instruction (attempt 0) token changes elsewhere)

(defvar-local infill--ask nil
  "The instruction of this buffer.")

(defvar-local infill--ask-overlays nil
  "What shows it.")

(defvar infill--ask-tokens 0
  "Number of the newest token.")

(defvar-keymap infill-ask-map
  :doc "Keymap that is active while an instruction is carried out or its result shown."
  "TAB" '(menu-item "" infill-take :filter infill--ask-unless-ghost)
  "<tab>" '(menu-item "" infill-take :filter infill--ask-unless-ghost)
  "M-n" '(menu-item "" infill-again :filter infill--ask-unless-ghost)
  "<remap> <keyboard-quit>" '(menu-item "" infill-drop :filter infill--ask-unless-ghost))

(define-minor-mode infill-ask-mode
  "An instruction is carried out or shown; not to be switched on by hand."
  :interactive nil
  :keymap infill-ask-map)

(defun infill--ask-unless-ghost (command)
  "Return COMMAND, but nil while ghost text has the keys.
So it is where there is nothing to be taken yet."
  (unless (or (infill--visible-p)
              (and (memq command '(infill-take infill-again))
                   (not (infill--ask-result-p))))
    command))

(defun infill--ask-result-p ()
  "Return non-nil if there is a result to be taken."
  (and infill--ask (null (infill--ask-token infill--ask))))

;;;; Showing

(defun infill--ask-overlay (start end &rest properties)
  "Have an overlay from START to END with PROPERTIES show something."
  (push (apply #'infill--overlay-with start end properties) infill--ask-overlays))

(defun infill--ask-undraw ()
  "Take everything from the screen."
  (mapc #'delete-overlay infill--ask-overlays)
  (setq infill--ask-overlays nil))

(defun infill--ask-below (position &rest pieces)
  "Show lines below the line of POSITION: PIECES are their text and face in turn."
  (let ((end (save-excursion (goto-char position) (pos-eol))))
    (infill--ask-overlay
     end end 'after-string
     (cl-loop for (text face) on pieces by #'cddr
              concat (propertize (concat "\n" text) 'face face)))))

(defun infill--ask-hint ()
  "Return the line that names the keys."
  (substitute-command-keys
   "\\<infill-ask-map>TAB applies it, M-n asks again, C-g discards it"))

(defun infill--ask-draw-progress (message)
  "Show MESSAGE of the server's, while the model writes."
  (infill--ask-undraw)
  (let ((lines (last (split-string (string-trim message) "\n" t) infill--ask-most-lines)))
    (infill--ask-below (infill--ask-end infill--ask)
                       (string-join (cons "infill-ls is writing (C-g stops it)" lines) "\n")
                       'infill-ask-hint)))

(defun infill--ask-new-lines (change)
  "Return the lines that CHANGE puts in, as they would stand there."
  (pcase-let* ((`(,start ,end ,_ ,new) change)
               (before (save-excursion
                         (goto-char start)
                         (buffer-substring-no-properties (pos-bol) (point))))
               (behind (save-excursion
                         (goto-char end)
                         (buffer-substring-no-properties (point) (pos-eol))))
               (lines (split-string (concat before new behind) "\n")))
    ;; What stands there already, before and behind the new lines.
    (when (string-prefix-p "\n" new) (pop lines))
    (when (string-match-p "\n[ \t]*\\'" new) (setq lines (butlast lines)))
    (string-join lines "\n")))

(defun infill--ask-draw-result ()
  "Show the old text and the new, and the keys below."
  (infill--ask-undraw)
  (let* ((changes (infill--ask-changes infill--ask))
         (last-one (car (last changes))))
    (dolist (change changes)
      (pcase-let ((`(,start ,end . ,_) change))
        (when (> end start)
          (infill--ask-overlay start end 'face 'infill-ask-old))
        (apply #'infill--ask-below end
               (infill--ask-new-lines change) 'infill-ask-new
               (when (eq change last-one) (list (infill--ask-hint) 'infill-ask-hint))))))
  (when-let* ((elsewhere (infill--ask-elsewhere infill--ask)))
    (infill--ask-below (infill--ask-end infill--ask)
                       (concat (abbreviate-file-name (car elsewhere)) ":") 'infill-ask-hint
                       (string-trim (mapconcat (lambda (edit) (plist-get edit :newText))
                                               (nth 1 elsewhere) "\n"))
                       'infill-ask-new
                       (infill--ask-hint) 'infill-ask-hint)))

(defun infill--ask-forget ()
  "Take the instruction away."
  (setq infill--ask nil)
  (infill--ask-undraw)
  (when infill-ask-mode (infill-ask-mode -1))
  (infill--edit-refresh))

;;;; Asking

(defun infill--ask-range (start end)
  "Return the range from START to END as the server has it."
  (list :start (infill--position start) :end (infill--position end)))

(defun infill--ask-connection ()
  "Return the server that has the buffer; it is up to date then."
  (let ((connection (infill--connection)))
    (unless (and connection (infill--ready-p connection))
      (user-error "There is no server for this buffer"))
    (infill--open connection)
    (infill--send-settings connection)
    (infill--flush)
    connection))

(defun infill--ask-send ()
  "Ask the server, and show its answer."
  (let* ((connection (infill--ask-connection))
         (asked infill--ask)
         (token (format "infill-ask-%d-%d" (emacs-pid) (cl-incf infill--ask-tokens)))
         (buffer (current-buffer))
         (done (lambda (answer)
                 (when (buffer-live-p buffer)
                   (with-current-buffer buffer
                     (when (and (eq infill--ask asked)
                                (equal token (infill--ask-token asked)))
                       (setf (infill--ask-token asked) nil)
                       (infill--ask-answered answer)))))))
    (setf (infill--ask-token asked) token
          (infill--ask-changes asked) nil
          (infill--ask-elsewhere asked) nil)
    (infill--ask-draw-progress "")
    (jsonrpc-async-request
     connection :workspace/executeCommand
     (list :command (format "infill-ls.ask.%s" (infill--ask-task asked))
           :arguments (vector (infill--uri)
                              (infill--ask-range (infill--ask-start asked)
                                                 (infill--ask-end asked))
                              nil
                              (infill--ask-instruction asked)
                              (list :preview t :token token
                                    :attempt (infill--ask-attempt asked))))
     :success-fn done
     :error-fn (lambda (error) (funcall done (list :message (plist-get error :message))))
     :timeout nil)))

(defun infill--ask-progressed (params)
  "Show the progress that PARAMS tell of."
  (when-let* ((token (plist-get params :token))
              (message (plist-get (plist-get params :value) :message)))
    (dolist (buffer (buffer-list))
      (with-current-buffer buffer
        (when (and infill--ask (equal token (infill--ask-token infill--ask)))
          (infill--ask-draw-progress message))))))

(defun infill--ask-answered (answer)
  "Show what is in ANSWER: an edit, words, or why there is nothing."
  (let* ((changes (plist-get (plist-get answer :edit) :documentChanges))
         (words (or (plist-get answer :words) ""))
         (said (or (plist-get answer :message) "")))
    (cond ((> (length changes) 0)
           (unless (string-empty-p said) (message "infill-ls: %s" said))
           (infill--ask-keep (elt changes (1- (length changes)))
                             (append (plist-get answer :old) nil)))
          (t (infill--ask-forget)
             (if (string-empty-p words)
                 (message "infill-ls: %s" said)
               ;; Whoever asked has gone on to something else by now.
               (let ((help-window-select nil))
                 (infill--show-report words "description" t)))))))

(defun infill--ask-keep (change old)
  "Keep CHANGE of a document, by markers where it is of this buffer, and show it.
OLD is what each of its edits replaces."
  (let* ((document (plist-get change :textDocument))
         (edits (append (plist-get change :edits) nil)))
    (cond ((not (equal (plist-get document :uri) (infill--uri)))
           (setf (infill--ask-elsewhere infill--ask)
                 (list (infill--ask-path (plist-get document :uri)) edits old))
           (infill--ask-draw-result))
          ;; Positions are those of the text that the server had.
          ((or infill--changes (not (eql (plist-get document :version) infill--version)))
           (infill--ask-changed))
          (t (setf (infill--ask-changes infill--ask)
                   (mapcar #'infill--ask-change edits))
             (infill--ask-draw-result)))))

(defun infill--ask-path (uri)
  "Return the file of URI."
  (decode-coding-string (url-unhex-string (string-remove-prefix "file://" uri)) 'utf-8))

(defun infill--ask-change (edit)
  "Return EDIT as a list of START, END, OLD and NEW."
  (let* ((range (plist-get edit :range))
         (start (infill--marker-at (plist-get range :start)))
         (end (infill--marker-at (plist-get range :end))))
    (set-marker-insertion-type start t)
    (list start end
          (save-restriction
            (widen)
            (buffer-substring-no-properties start end))
          (plist-get edit :newText))))

(defun infill--ask-changed ()
  "Tell that other text stands there now."
  (infill--ask-forget)
  (message "infill-ls: the text there has changed: nothing was changed"))

(defun infill--ask-begin (task &optional instruction)
  "Carry out TASK for the region or the function at point, by INSTRUCTION."
  (infill-drop)
  (let ((start (if (use-region-p) (region-beginning) (point)))
        (end (if (use-region-p) (region-end) (point))))
    (infill--ask-connection)
    (setq infill--ask (make-infill--ask :task task
                                        :start (copy-marker start)
                                        :end (copy-marker end)
                                        :instruction (or instruction "")))
    (deactivate-mark)
    (infill-ask-mode 1)
    (infill--edit-refresh)
    (infill--ask-send)))

;;;; Commands

(defun infill-implement ()
  "Write the function at point from its name, signature and documentation."
  (interactive)
  (infill--ask-begin "implement"))

(defun infill-rewrite (instruction)
  "Rewrite the region, or the function at point, by INSTRUCTION."
  (interactive
   (progn
     (infill--ask-expect)
     (list (read-string "How to rewrite the code: "))))
  (infill--ask-begin "rewrite" instruction))

(defun infill--ask-expect ()
  "Have what stands before the instruction read while that is typed.
Signal an error with what the server says if no model can carry it out."
  (let* ((range (if (use-region-p)
                    (infill--ask-range (region-beginning) (region-end))
                  (infill--ask-range (point) (point))))
         (connection (infill--ask-connection))
         (answer (ignore-error jsonrpc-error
                   ;; It is answered at once, before anything is read.
                   (jsonrpc-request connection :workspace/executeCommand
                                    (list :command "infill-ls.ask.expect"
                                          :arguments (vector (infill--uri) range))
                                    :timeout 2))))
    (when-let* ((reason (plist-get answer :message)))
      (user-error "infill-ls: %s" reason))))

(defun infill-document ()
  "Write the documentation of the function at point."
  (interactive)
  (infill--ask-begin "document"))

(defun infill-write-tests ()
  "Write a test for the function at point, into its test file."
  (interactive)
  (infill--ask-begin "tests"))

(defun infill-describe ()
  "Describe what the region, or the function at point, does."
  (interactive)
  (infill--ask-begin "explain"))

(defun infill-take ()
  "Apply the result of an instruction, as one undo step."
  (interactive)
  (unless (infill--ask-result-p) (user-error "There is no result of an instruction"))
  (let ((changes (infill--ask-changes infill--ask))
        (elsewhere (infill--ask-elsewhere infill--ask)))
    (cond (elsewhere
           (infill--ask-forget)
           (infill--ask-make-elsewhere elsewhere))
          ((seq-every-p #'infill--ask-stands-p changes)
           (infill--ask-forget)
           (infill--ask-make changes))
          (t (infill--ask-changed)))))

(defun infill--ask-stands-p (change)
  "Return non-nil if the old text of CHANGE is still there."
  (pcase-let ((`(,start ,end ,old ,_) change))
    (and (<= (point-min) start end (point-max))
         (string= old (buffer-substring-no-properties start end)))))

(defun infill--ask-make (edits)
  "Make EDITS, the last one first, as one step to undo."
  (undo-boundary)
  (save-excursion
    (pcase-dolist (`(,start ,end ,_ ,new) (reverse edits))
      (goto-char start)
      (delete-region start end)
      (insert new)))
  (undo-boundary))

(defun infill--ask-make-elsewhere (elsewhere)
  "Make ELSEWHERE, a file's name, edits and what they replace, and show the file."
  (pcase-let* ((`(,file ,edits ,old) elsewhere)
               (buffer (find-file-noselect file)))
    (with-current-buffer buffer
      (save-restriction
        (widen)
        (let ((changes (mapcar #'infill--ask-change edits)))
          (if (equal old (mapcar (lambda (change) (nth 2 change)) changes))
              (infill--ask-make changes)
            (message "infill-ls: the text there has changed: nothing was changed")))))
    (display-buffer buffer)))

(defun infill-again ()
  "Ask for another result of the same instruction."
  (interactive)
  (unless (infill--ask-result-p) (user-error "There is no result of an instruction"))
  (cl-incf (infill--ask-attempt infill--ask))
  (infill--ask-send))

(defun infill-drop ()
  "Discard the result of an instruction, or stop the model."
  (interactive)
  (when infill--ask
    (let ((token (infill--ask-token infill--ask)))
      (infill--ask-forget)
      (when (and token infill--opened)
        (jsonrpc-notify infill--opened :window/workDoneProgress/cancel (list :token token))))))

(add-hook 'infill--lost-hook #'infill--ask-forget)
(add-hook 'infill--progress-functions #'infill--ask-progressed)

(provide 'infill-ask)
;;; infill-ask.el ends here
