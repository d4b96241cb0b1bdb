;;; infill-next-edit.el --- What has to change elsewhere  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; After an edit the server may know what has to change elsewhere.  That is
;; shown where it belongs, or named at point if it is out of sight.  The
;; first press of its key goes there, the second makes the edit, and then
;; the next one is asked for.  Ghost text at point goes first: while there
;; is some, the edit is kept out of sight.

;;; Code:

(require 'cl-lib)
(require 'infill-connection)
(require 'infill-ghost)
(require 'infill-overlays)
(require 'infill-switch)
(require 'seq)
(require 'subr-x)

(defvar infill-mode)

(defcustom infill-next-edit-delay 0.5
  "Seconds without a key after which the next edit is asked for."
  :type 'number
  :group 'infill)

(defcustom infill-next-edit-inhibit-functions
  '(infill-buffer-read-only-p infill-several-cursors-p)
  "Functions that tell whether no edit is to be shown.
They are called without arguments in the buffer; if one of them returns
non-nil, nothing is asked for and nothing shown."
  :type 'hook
  :group 'infill)

(defface infill-next-edit-old '((t :inherit error :strike-through t))
  "Face of text that the next edit removes."
  :group 'infill)

(defface infill-next-edit-new '((t :inherit success))
  "Face of text that the next edit inserts."
  :group 'infill)

(defface infill-next-edit-hint '((t :inherit shadow))
  "Face of the hint that tells where the next edit is."
  :group 'infill)

(defvar-local infill--edit nil
  "The next edit: a list of START, END, OLD, NEW, TICK and COMMAND.
OLD is the text from START to END while the buffer's tick is TICK.")

(defvar-local infill--edit-overlays nil
  "What shows the next edit.")

(defvar-local infill--edit-told nil
  "Non-nil if the server knows that the edit was seen.")

(defvar-local infill--edit-timer nil
  "Runs when the user pauses.")

(defvar-local infill--edit-request 0
  "Number of the newest request; the answers to older ones are ignored.")

(defvar-local infill--edit-asked-at nil
  "The tick of the buffer's text that was last asked about.")

(defvar-keymap infill-next-edit-map
  :doc "Keymap that is active while a next edit is shown."
  "TAB" #'infill-next-edit
  "<tab>" #'infill-next-edit
  "<remap> <keyboard-quit>" #'infill-dismiss-next-edit
  ;; In Evil's normal state these have the keys TAB and ESC.
  "<remap> <evil-jump-forward>" #'infill-next-edit
  "<remap> <evil-force-normal-state>" #'infill-dismiss-next-edit)

(define-minor-mode infill-next-edit-shown-mode
  "A next edit is shown; not to be switched on by hand."
  :interactive nil
  :keymap infill-next-edit-map)

;;;; Asking

(defun infill--edit-ask ()
  "Ask for the edit that fits to what was edited in the buffer."
  (when-let* ((connection (infill--connection))
              ((infill--ready-p connection)))
    (infill--open connection)
    (infill--send-settings connection)
    (infill--flush)
    (let ((buffer (current-buffer))
          (number (cl-incf infill--edit-request))
          (tick (buffer-chars-modified-tick))
          (version infill--version))
      (setq infill--edit-asked-at tick)
      (jsonrpc-async-request
       connection :textDocument/copilotInlineEdit
       (list :textDocument (list :uri (infill--uri) :version version)
             :position (infill--position))
       :success-fn
       (lambda (result)
         (when (buffer-live-p buffer)
           (with-current-buffer buffer
             (when (and (= number infill--edit-request)
                        (= tick (buffer-chars-modified-tick)))
               (infill--edit-received (plist-get result :edits) version)))))
       :error-fn #'ignore
       :timeout-fn #'ignore))))

(defun infill--edit-received (edits version)
  "Show the first of EDITS, if it is for VERSION of the document."
  (infill--edit-forget)
  (when-let* (((> (length edits) 0))
              (edit (elt edits 0))
              ((eql version (plist-get (plist-get edit :textDocument) :version)))
              (range (plist-get edit :range)))
    (let ((start (marker-position (infill--marker-at (plist-get range :start))))
          (end (marker-position (infill--marker-at (plist-get range :end)))))
      (setq infill--edit-told nil
            infill--edit (list start end
                               (save-restriction
                                 (widen)
                                 (buffer-substring-no-properties start end))
                               (plist-get edit :text)
                               (buffer-chars-modified-tick)
                               (plist-get edit :command)))
      (infill--edit-draw))))

(defun infill--edit-schedule ()
  "Ask when the user pauses."
  (infill--edit-cancel-timer)
  (setq infill--edit-timer
        (run-with-idle-timer infill-next-edit-delay nil #'infill--edit-paused
                             (current-buffer))))

(defun infill--edit-cancel-timer ()
  "Do not ask."
  (when infill--edit-timer
    (cancel-timer infill--edit-timer)
    (setq infill--edit-timer nil)))

(defun infill--edit-paused (buffer)
  "Ask for the next edit in BUFFER, if the user is still there."
  (when (eq buffer (window-buffer))
    (with-current-buffer buffer
      (when (and infill-mode
                 (not (infill-switched-off))
                 (not (infill--edit-inhibited-p)))
        (infill--edit-ask)))))

(defun infill--edit-inhibited-p ()
  "Return non-nil if no edit is to be shown in this buffer now."
  (or defining-kbd-macro
      executing-kbd-macro
      (bound-and-true-p infill-ask-mode)
      (run-hook-with-args-until-success 'infill-next-edit-inhibit-functions)))

(defun infill--edit-after-command ()
  "Keep the edit right after a command, and ask after a change of the text."
  (infill--edit-refresh)
  (unless (or (minibufferp)
              (eql infill--edit-asked-at (buffer-chars-modified-tick)))
    (infill--edit-schedule)))

;;;; Showing

(defun infill--edit-stands-p ()
  "Return non-nil if the text is as it was when the server answered."
  (pcase infill--edit
    (`(,start ,end ,old ,_ ,tick ,_)
     (and (= tick (buffer-chars-modified-tick))
          (<= (point-min) start end (point-max))
          (string= old (buffer-substring-no-properties start end))))))

(defun infill--edit-shown-p ()
  "Return non-nil if an edit is shown that can be made."
  (and infill--edit-overlays (infill--edit-stands-p)))

(defun infill--edit-refresh ()
  "Draw the edit as it is to be seen now, or forget it."
  (cond ((null infill--edit))
        ((/= (nth 4 infill--edit) (buffer-chars-modified-tick)) (infill--edit-forget))
        (t (infill--edit-draw))))

(defun infill--edit-draw ()
  "Draw the edit, unless something else has point and the keys."
  (infill--edit-remove-overlays)
  (if (or (infill--visible-p)
          (infill--menu-open-p)
          (infill--edit-inhibited-p)
          (not (infill--edit-stands-p)))
      (infill--edit-undraw)
    (if (infill--edit-in-sight-p)
        (infill--edit-draw-in-place)
      (infill--edit-draw-hint))
    (unless infill-next-edit-shown-mode (infill-next-edit-shown-mode 1))
    (when (and infill--opened (not infill--edit-told))
      (setq infill--edit-told t)
      (jsonrpc-notify infill--opened :textDocument/didShowInlineEdit
                      (list :item (list :command (nth 5 infill--edit)))))))

(defun infill--edit-scrolled (window _start)
  "Draw anew after WINDOW was scrolled, when what is in it is known."
  (run-with-timer 0 nil #'infill--edit-redraw (window-buffer window)))

(defun infill--edit-redraw (buffer)
  "Draw the edit in BUFFER anew."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer (infill--edit-refresh))))

(defun infill--edit-in-sight-p ()
  "Return non-nil if the place of the edit is on the screen."
  (let ((start (car infill--edit))
        (window (get-buffer-window)))
    (or (null window)
        (and (pos-visible-in-window-p start window t)
             (not (invisible-p start))))))

(defun infill--edit-overlay (start end &rest properties)
  "Have an overlay from START to END with PROPERTIES show the edit."
  (push (apply #'infill--overlay-with start end properties) infill--edit-overlays))

(defun infill--edit-draw-in-place ()
  "Strike the old text, and show the new."
  (pcase-let ((`(,start ,end ,_ ,new . ,_) infill--edit))
    (when (> end start)
      (infill--edit-overlay start end 'face 'infill-next-edit-old))
    (unless (string-empty-p new)
      (let ((text (propertize new 'face 'infill-next-edit-new)))
        (if (infill--edit-whole-lines-p)
            (progn
              ;; At the end of a buffer whose last line has no end.
              (unless (save-excursion (goto-char end) (bolp))
                (setq text (concat "\n" text)))
              (infill--edit-overlay end end 'before-string text))
          ;; The cursor stays before the text, not behind it.
          (put-text-property 0 1 'cursor t text)
          (infill--edit-overlay end end 'after-string text))))))

(defun infill--edit-whole-lines-p ()
  "Return non-nil if the edit puts whole lines between others."
  (pcase-let ((`(,start ,_ ,_ ,new . ,_) infill--edit))
    (and (string-suffix-p "\n" new)
         (save-excursion (goto-char start) (bolp)))))

(defun infill--edit-draw-hint ()
  "Say at point's line where the edit is and what it does."
  (pcase-let* ((`(,start ,_ ,old ,new . ,_) infill--edit)
               (old (infill--edit-abridged old 'infill-next-edit-old))
               (new (infill--edit-abridged new 'infill-next-edit-new))
               (text (concat
                      (propertize (format " %s %d: " (if (< start (point)) "↑" "↓")
                                          (line-number-at-pos start t))
                                  'face 'infill-next-edit-hint)
                      old
                      (unless (or (string-empty-p old) (string-empty-p new))
                        (propertize " → " 'face 'infill-next-edit-hint))
                      new)))
    (put-text-property 0 1 'cursor t text)
    (infill--edit-overlay (pos-eol) (pos-eol) 'after-string text)))

(defun infill--edit-abridged (text face)
  "Return the beginning of TEXT on one line, in FACE."
  (propertize (truncate-string-to-width
               (string-trim (replace-regexp-in-string "[[:space:]\n]+" " " text))
               30 nil nil "…")
              'face face))

(defun infill--edit-remove-overlays ()
  "Remove the overlays of the edit."
  (mapc #'delete-overlay infill--edit-overlays)
  (setq infill--edit-overlays nil))

(defun infill--edit-undraw ()
  "Take the edit from the screen, but keep it in mind."
  (infill--edit-remove-overlays)
  (when infill-next-edit-shown-mode (infill-next-edit-shown-mode -1)))

(defun infill--edit-forget ()
  "Take the edit away."
  (setq infill--edit nil)
  (infill--edit-undraw))

(defun infill--edit-hide ()
  "Take the edit away, and wait for none."
  (infill--edit-cancel-timer)
  (cl-incf infill--edit-request)
  (infill--edit-forget))

;;;; Commands

(defun infill--edit-here-p ()
  "Return non-nil if point is on a line of the edit."
  (pcase-let* ((`(,start ,end . ,_) infill--edit)
               (last (if (> end start) (1- end) end)))
    (<= (save-excursion (goto-char start) (pos-bol))
        (point)
        (save-excursion (goto-char last) (pos-eol)))))

(defun infill-next-edit ()
  "Go to the next edit; if point is on its line already, apply it.
The mark is set where point was."
  (interactive)
  (unless (infill--edit-shown-p) (user-error "There is no next edit"))
  (if (infill--edit-here-p)
      (infill--edit-make)
    (push-mark nil t)
    (goto-char (car infill--edit))))

(defun infill--edit-make ()
  "Apply the edit as one undo step, and ask for the next one."
  (pcase-let ((`(,start ,end ,_ ,new ,_ ,command) infill--edit)
              (are-lines (infill--edit-whole-lines-p)))
    (infill--edit-forget)
    (undo-boundary)
    (goto-char start)
    (delete-region start end)
    (insert new)
    (when are-lines (forward-line -1))
    (undo-boundary)
    (infill--flush)
    (infill--edit-tell command (plist-get command :command))
    (infill--edit-ask)))

(defun infill--edit-tell (command name)
  "Have the server run the command NAME with the arguments of COMMAND."
  (when (and command infill--opened)
    (jsonrpc-async-request
     infill--opened :workspace/executeCommand
     (list :command name :arguments (plist-get command :arguments))
     :success-fn #'ignore :error-fn #'ignore :timeout-fn #'ignore)))

(defun infill-dismiss-next-edit ()
  "Dismiss the next edit and all edits that repeat it."
  (interactive)
  (let ((command (and (infill--edit-shown-p) (nth 5 infill--edit))))
    (infill--edit-hide)
    (infill--edit-tell command "infill-ls.nextEditRefused")))

;;;; With the mode

(defun infill--edit-switch-on ()
  "Follow the edits of the buffer."
  (setq infill--edit-asked-at (buffer-chars-modified-tick))
  (add-hook 'post-command-hook #'infill--edit-after-command 10 t)
  (add-hook 'window-scroll-functions #'infill--edit-scrolled nil t))

(defun infill--edit-switch-off ()
  "Follow them no longer."
  (infill--edit-hide)
  (remove-hook 'post-command-hook #'infill--edit-after-command t)
  (remove-hook 'window-scroll-functions #'infill--edit-scrolled t))

(add-hook 'infill--lost-hook #'infill--edit-hide)
(add-hook 'infill--ghost-hook #'infill--edit-refresh)

(provide 'infill-next-edit)
;;; infill-next-edit.el ends here
