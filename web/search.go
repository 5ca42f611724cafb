package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"sigill/vault"
	"sigill/vault/message"
)

// Bounds of a search: messages looked at in each mailbox, newest first, and messages shown.
const (
	searchDepth = 2000
	searchBatch = 200
	searchShown = 100
)

type searchBody struct {
	Words       string
	Since, Till string
	Fault       string
	Asked       bool
	Rows        []row
	// Cut tells that there may be more than was looked at, or is shown.
	Cut bool
}

// searchForm is empty. The search itself is a POST: what somebody looks for stays in no history and no log.
func (s *Server) searchForm(v *visit) error {
	return s.render(v, http.StatusOK, "search", v.lang.text("search.title"), searchBody{})
}

func (s *Server) search(v *visit, r *vault.Reader) error {
	if err := v.form(); err != nil {
		return err
	}
	f := v.r.PostForm
	b := searchBody{Words: f.Get("words"), Since: f.Get("since"), Till: f.Get("till"), Asked: true}
	since, wrong := dayOf(b.Since)
	till, wrongTill := dayOf(b.Till)
	if wrong || wrongTill {
		b.Fault, b.Asked = "search.error.day", false
		return s.render(v, http.StatusUnprocessableEntity, "search", v.lang.heading("search.title", true), b)
	}
	if !till.IsZero() {
		till = till.AddDate(0, 0, 1)
	}
	if err := s.find(v.r.Context(), r, &b, query{strings.Fields(strings.ToLower(b.Words)), since, till}); err != nil {
		return err
	}
	return s.render(v, http.StatusOK, "search", v.lang.text("search.title"), b)
}

// dayOf reads a day as browsers write it; "" is none.
func dayOf(s string) (day time.Time, wrong bool) {
	if s = strings.TrimSpace(s); s == "" {
		return day, false
	}
	day, err := time.ParseInLocation("2006-01-02", s, stockholm)
	return day, err != nil
}

// query is what is looked for: every word, in subject, sender or recipients, between two moments.
type query struct {
	words       []string
	since, till time.Time
}

func (q query) within(at time.Time) bool {
	return (q.since.IsZero() || !at.Before(q.since)) && (q.till.IsZero() || at.Before(q.till))
}

func (q query) met(ix *message.Index) bool {
	e := ix.Envelope
	text := e.Subject
	for _, m := range people(slices.Concat(e.From, e.To, e.Cc)) {
		text += "\n" + m.Name + "\n" + addressOf(m)
	}
	text = strings.ToLower(text)
	for _, word := range q.words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func (s *Server) find(ctx context.Context, r *vault.Reader, b *searchBody, q query) error {
	boxes, err := r.Mailboxes(ctx)
	if err != nil {
		return err
	}
	for _, box := range boxes {
		if err := findIn(ctx, r, box, b, q); err != nil {
			return err
		}
	}
	slices.SortStableFunc(b.Rows, func(x, y row) int { return cmp.Or(y.At.Compare(x.At), cmp.Compare(x.mailbox, y.mailbox)) })
	if len(b.Rows) > searchShown {
		b.Rows, b.Cut = b.Rows[:searchShown], true
	}
	return nil
}

func findIn(ctx context.Context, r *vault.Reader, box vault.Mailbox, b *searchBody, q query) error {
	var before vault.UID
	for looked := 0; ; looked += searchBatch {
		entries, err := r.Latest(ctx, box.ID, before, searchBatch)
		if err != nil || len(entries) == 0 {
			return err
		}
		if looked >= searchDepth {
			b.Cut = true
			return nil
		}
		before = entries[len(entries)-1].UID
		entries = slices.DeleteFunc(entries, func(e vault.Entry) bool { return !q.within(e.Date) })
		ids := make([]vault.MessageID, len(entries))
		for i, e := range entries {
			ids[i] = e.Message
		}
		indexes, err := r.Indexes(ctx, ids...)
		if err != nil {
			return err
		}
		for i, ix := range indexes {
			if ix != nil && q.met(ix) {
				b.Rows = append(b.Rows, rowOf(entries[i], ix, box))
			}
		}
	}
}
