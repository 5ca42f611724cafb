package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

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
	Texts       bool // also in the text
	Fault       string
	Asked       bool
	Rows        []row
	// Cut tells that there may be more than was looked at, or is shown.
	Cut bool
	// Stopped tells that the texts of the newest Newest messages were searched and no more, Long of how many only the beginning.
	Stopped      bool
	Newest, Long int
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
	b := searchBody{Words: f.Get("words"), Since: f.Get("since"), Till: f.Get("till"), Texts: f.Has("texts"), Asked: true}
	since, wrong := dayOf(b.Since)
	till, wrongTill := dayOf(b.Till)
	if wrong || wrongTill {
		b.Fault, b.Asked = "search.error.day", false
		return s.render(v, http.StatusUnprocessableEntity, "search", v.lang.heading("search.title", true), b)
	}
	if !till.IsZero() {
		till = till.AddDate(0, 0, 1)
	}
	if err := s.find(v, r, &b, query{strings.Fields(fold(b.Words)), since, till}); err != nil {
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

// query is what is looked for: every word, in subject, sender, recipients or text, between two moments.
type query struct {
	words       []string
	since, till time.Time
}

func (q query) within(at time.Time) bool {
	return (q.since.IsZero() || !at.Before(q.since)) && (q.till.IsZero() || at.Before(q.till))
}

// met tells whether every word is in what the index has of a message, or in some of its text.
func (q query) met(ix *message.Index, texts ...string) bool {
	e := ix.Envelope
	text := e.Subject
	for _, m := range people(slices.Concat(e.From, e.To, e.Cc)) {
		text += "\n" + m.Name + "\n" + addressOf(m)
	}
	for _, more := range texts {
		text += "\n" + more
	}
	text = fold(text)
	for _, word := range q.words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// fold makes texts alike that differ in case, or in how an accent is written.
func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// place is where a message lies that was looked at, and whether its index told that it is looked for.
type place struct {
	vault.Entry
	box *vault.Mailbox
	met bool
}

func (s *Server) find(v *visit, r *vault.Reader, b *searchBody, q query) error {
	boxes, err := r.Mailboxes(v.r.Context())
	if err != nil {
		return err
	}
	var seen []place
	for i := range boxes {
		places, err := findIn(v.r.Context(), r, &boxes[i], b, q)
		if err != nil {
			return err
		}
		seen = append(seen, places...)
	}
	if b.Texts && len(q.words) > 0 {
		if err := s.findInTexts(v, r, b, q, seen); err != nil {
			return err
		}
	}
	slices.SortStableFunc(b.Rows, func(x, y row) int { return cmp.Or(y.At.Compare(x.At), cmp.Compare(x.mailbox, y.mailbox)) })
	if len(b.Rows) > searchShown {
		b.Rows, b.Cut = b.Rows[:searchShown], true
	}
	return nil
}

// findIn looks in the indexes of a mailbox, and gives what it has looked at.
func findIn(ctx context.Context, r *vault.Reader, box *vault.Mailbox, b *searchBody, q query) (seen []place, err error) {
	var before vault.UID
	for looked := 0; ; looked += searchBatch {
		entries, err := r.Latest(ctx, box.ID, before, searchBatch)
		if err != nil || len(entries) == 0 {
			return seen, err
		}
		if looked >= searchDepth {
			b.Cut = true
			return seen, nil
		}
		before = entries[len(entries)-1].UID
		entries = slices.DeleteFunc(entries, func(e vault.Entry) bool { return !q.within(e.Date) })
		ids := make([]vault.MessageID, len(entries))
		for i, e := range entries {
			ids[i] = e.Message
		}
		indexes, err := r.Indexes(ctx, ids...)
		if err != nil {
			return nil, err
		}
		for i, ix := range indexes {
			if ix == nil {
				continue
			}
			met := q.met(ix)
			if met {
				b.Rows = append(b.Rows, rowOf(entries[i], ix, *box))
			}
			seen = append(seen, place{entries[i], box, met})
		}
	}
}
