package vault

import "context"

// TextSearch opens messages to look for something in their texts. That is no read: who has been told nothing of a message but
// that a word is in it, or is not, has not read it, its sender is not told so, and no term begins to run.
type TextSearch struct{ r *Reader }

// SearchTexts begins a search. That there was one is in the audit before anything is opened, in one line however many
// messages it goes through; neither the words nor the messages are in it.
func (r *Reader) SearchTexts(ctx context.Context) (*TextSearch, error) {
	err := r.update(ctx, func(a *access) error {
		return a.record(Event{Actor: a.v.actor(r.p), Action: "search texts", Result: "ok", Detail: string(r.door)})
	})
	if err != nil {
		return nil, err
	}
	return &TextSearch{r}, nil
}

// Open opens messages for the search alone: nothing of them may be shown but whether they were found. ErrNotFound as in
// [Reader.Open].
func (s *TextSearch) Open(ctx context.Context, ids ...MessageID) ([]*Content, error) {
	return s.r.unread(ctx, ids)
}
