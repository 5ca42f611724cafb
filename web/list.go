package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigill/vault"
	"sigill/vault/message"
)

// row is a message in a list.
type row struct {
	ID      vault.MessageID
	Subject string
	Who     string // the other side: sender, or recipients of what one sent
	Own     bool   // one sent it
	At      time.Time
	Unread  bool
	Files   bool
	Fenced  bool // some of them are not handed out
	// Taker is who takes care of it, Answered tells that somebody has answered; of function addresses.
	Taker    string
	Answered bool
	// mailbox and uid are where the entry lies.
	mailbox vault.MailboxID
	uid     vault.UID
}

type listBody struct {
	Rows      []row
	Mailboxes []vault.Mailbox // staff only
	Current   vault.Mailbox
	Older     string // address of the next page, "" on the last
	First     bool
	Holds     int
	Deleted   bool // a message was, just now
}

// list is a person's messages, received and sent together; a staff member is shown the first mailbox.
func (s *Server) list(v *visit, r *vault.Reader) error {
	boxes, err := r.Mailboxes(v.r.Context())
	if err != nil {
		return err
	}
	if !v.who.IsPerson() {
		if len(boxes) == 0 {
			return vault.ErrNotFound
		}
		return s.showMailbox(v, r, boxes, boxes[0])
	}
	var rows []row
	at := placesOf(v.r.URL.Query()["at"])
	body := listBody{First: len(at) == 0}
	for _, box := range boxes { // several inboxes if the person's number has changed
		if box.Role != vault.Inbox && box.Role != vault.Sent {
			continue
		}
		more, err := s.rows(v.r.Context(), r, box, at[box.ID])
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return b.At.Compare(a.At) })
	if body.Rows = rows; len(rows) > s.config.Limits.Page {
		body.Rows = rows[:s.config.Limits.Page]
		for _, shown := range body.Rows { // the last of each mailbox stays
			at[shown.mailbox] = shown.uid
		}
		body.Older = "/messages?" + at.query()
	}
	return s.render(v, http.StatusOK, "list", v.lang.text("list.title"), body)
}

// places are how far a list has come in each of its mailboxes.
type places map[vault.MailboxID]vault.UID

// placesOf reads what query wrote; what is none is left out.
func placesOf(texts []string) places {
	p := places{}
	for _, text := range texts {
		id, uid, _ := strings.Cut(text, ".")
		if n, err := strconv.ParseUint(id, 10, 64); err == nil && uidOf(uid) != 0 {
			p[vault.MailboxID(n)] = uidOf(uid)
		}
	}
	return p
}

func (p places) query() string {
	q := url.Values{}
	for _, id := range slices.Sorted(maps.Keys(p)) {
		q.Add("at", fmt.Sprintf("%d.%d", id, p[id]))
	}
	return q.Encode()
}

// mailbox is one of a staff member's.
func (s *Server) mailbox(v *visit, r *vault.Reader) error {
	boxes, err := r.Mailboxes(v.r.Context())
	if err != nil {
		return err
	}
	for _, box := range boxes {
		if strconv.FormatUint(uint64(box.ID), 10) == v.r.PathValue("id") {
			return s.showMailbox(v, r, boxes, box)
		}
	}
	return vault.ErrNotFound
}

func (s *Server) showMailbox(v *visit, r *vault.Reader, boxes []vault.Mailbox, box vault.Mailbox) error {
	ctx, before := v.r.Context(), uidOf(v.r.URL.Query().Get("before"))
	rows, err := s.rows(ctx, r, box, before)
	if err != nil {
		return err
	}
	held, err := r.Holds(ctx)
	if err != nil {
		return err
	}
	body := listBody{Rows: rows, Mailboxes: boxes, Current: box, First: before == 0, Holds: len(held), Deleted: v.r.URL.Query().Has("deleted")}
	if n := s.config.Limits.Page; len(rows) > n {
		body.Rows = rows[:n]
		body.Older = "/mailboxes/" + strconv.FormatUint(uint64(box.ID), 10) + "?before=" + strconv.Itoa(int(rows[n-1].uid))
	}
	return s.render(v, http.StatusOK, "list", cmp.Or(box.Name, v.lang.text("mailbox."+string(box.Role))), body)
}

// rows are one more than a page of a mailbox's entries, newest first.
func (s *Server) rows(ctx context.Context, r *vault.Reader, box vault.Mailbox, before vault.UID) ([]row, error) {
	entries, err := r.Latest(ctx, box.ID, before, s.config.Limits.Page+1)
	if err != nil {
		return nil, err
	}
	ids := make([]vault.MessageID, len(entries))
	for i, e := range entries {
		ids[i] = e.Message
	}
	indexes, err := r.Indexes(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, e := range entries {
		if indexes[i] == nil { // gone since
			continue
		}
		rows = append(rows, rowOf(e, indexes[i], box))
	}
	return rows, nil
}

func rowOf(e vault.Entry, ix *message.Index, box vault.Mailbox) row {
	own := box.Role == vault.Sent || box.Role == vault.Drafts
	who := ix.Envelope.From
	if own {
		who = slices.Concat(ix.Envelope.To, ix.Envelope.Cc)
	}
	taker, _ := vault.TakerOf(e.Keywords)
	return row{
		Taker: taker.String(), Answered: box.Shared && e.Flags&vault.Answered != 0,
		ID: e.Message, Subject: ix.Envelope.Subject, Who: names(who, 3), Own: own, At: e.Date,
		Unread: e.Flags&vault.Seen == 0 && !own, Files: len(ix.Attachments(nil)) > 0, Fenced: e.Suspect(),
		mailbox: box.ID, uid: e.UID,
	}
}

// names are the first of some mailboxes, as people call them.
func names(of []message.Mailbox, most int) string {
	text := ""
	for i, m := range of {
		if i == most {
			return text + " …"
		}
		if text != "" {
			text += ", "
		}
		text += cmp.Or(m.Name, addressOf(m))
	}
	return text
}

func addressOf(m message.Mailbox) string {
	if m.Host == "" {
		return m.Local
	}
	return m.Local + "@" + m.Host
}

// uidOf reads a place in a list; what is none is the beginning.
func uidOf(s string) vault.UID {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return vault.UID(n)
}
