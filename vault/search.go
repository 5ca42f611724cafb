package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// Searches of the audit by accounts with a role. Each has a reason, and a line in the audit that tells who asked, for what
// and why. Events that concern a person with protected identity are masked until a second person with a role has approved
// that very search, and again a day after that. Searches are forgotten after a week; the audit stays.

const (
	searchKept   = 7 * 24 * time.Hour
	approvedTime = 24 * time.Hour
	minReason    = 5   // characters
	maxReason    = 200 // characters
	// reasonDigits in a row may be an identity number, which the audit must not hold.
	reasonDigits = 10
)

// ErrReason means that a search has no reason, or one that cannot stand in the audit.
var ErrReason = errors.New("vault: a search needs a reason of one line, without identity numbers")

// SearchID names a search.
type SearchID [16]byte

// String is the id as text, 26 characters of base32.
func (id SearchID) String() string { return idText.EncodeToString(id[:]) }

// ParseSearchID reads what String wrote. Errors are ErrNotFound.
func ParseSearchID(s string) (SearchID, error) {
	id, err := ParseMessageID(s)
	return SearchID(id), err
}

// AuditQuery says which events are wanted: all that is given must fit.
type AuditQuery struct {
	From, Until time.Time
	// Who did it, or is named by it: an actor, as [AuditLog.Actor] tells.
	Who     string
	Action  string
	Message MessageID
}

// AuditSearch is a search of the audit.
type AuditSearch struct {
	ID     SearchID
	By     policy.Address
	At     time.Time
	Reason string
	Query  AuditQuery
	// Asked is when its owner asked for a second person, Answered when AnsweredBy gave the answer; zero if not.
	Asked, Answered time.Time
	AnsweredBy      policy.Address
	Approved        bool
	// OpenUntil is when what was approved is masked again.
	OpenUntil time.Time
}

// Open tells that nothing of the result is masked at a time.
func (s AuditSearch) Open(now time.Time) bool { return s.Approved && now.Before(s.OpenUntil) }

func (rec searchRecord) search(key []byte) AuditSearch {
	s := AuditSearch{
		ID: SearchID(key), By: rec.By, At: rec.At.time(), Reason: rec.Reason,
		Query: AuditQuery{From: rec.From.time(), Until: rec.Until.time(), Who: rec.Who, Action: rec.Action, Message: rec.Message},
		Asked: rec.Asked.time(), Answered: rec.Answered.time(), AnsweredBy: rec.By2, Approved: rec.Approved,
	}
	if rec.Approved {
		s.OpenUntil = s.Answered.Add(approvedTime)
	}
	return s
}

// SearchAudit begins a search. ErrReason.
func (a *Administration) SearchAudit(ctx context.Context, q AuditQuery, reason string) (id SearchID, err error) {
	reason = strings.TrimSpace(reason)
	if !goodReason(reason) {
		return id, ErrReason
	}
	rand.Read(id[:])
	return id, a.update(ctx, anyRole, func(t *tx) error {
		rec := searchRecord{
			By: a.account, At: instantOf(t.v.now()), Reason: reason,
			From: instantOf(q.From), Until: instantOf(q.Until), Who: q.Who, Action: q.Action, Message: q.Message,
		}
		event := a.event("search audit", id.String()+q.words()+" because: "+reason)
		event.Message = q.Message
		return errors.Join(t.forgetSearches(), save(t, tSearch, id[:], &rec), t.record(event))
	})
}

func goodReason(s string) bool {
	n := utf8.RuneCountInString(s)
	if n < minReason || n > maxReason || strings.ContainsFunc(s, unprintable) {
		return false
	}
	run := 0
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			run++
		case r == '-', r == ' ' && (run == 6 || run == 8): // as people write the date before the last four
		default:
			run = 0
		}
		if run >= reasonDigits {
			return false
		}
	}
	return true
}

// words are a query's for the audit.
func (q AuditQuery) words() (out string) {
	if !q.From.IsZero() {
		out += " from " + q.From.UTC().Format(time.RFC3339)
	}
	if !q.Until.IsZero() {
		out += " until " + q.Until.UTC().Format(time.RFC3339)
	}
	if q.Who != "" {
		out += " who " + q.Who
	}
	if q.Action != "" {
		out += " action " + q.Action
	}
	return out
}

// forgetSearches drops those that are a week old.
func (t *tx) forgetSearches() error {
	var old [][]byte
	for k, sealed := range t.r.Range(tSearch, kv.Span{}) {
		rec, err := open[searchRecord](t, tSearch, k, sealed)
		if err != nil {
			return err
		}
		if t.v.now().Sub(rec.At.time()) > searchKept {
			old = append(old, bytes.Clone(k))
		}
	}
	for _, k := range old {
		if err := t.w.Delete(tSearch, k); err != nil {
			return err
		}
	}
	return nil
}

// Searches are one's own, newest first, and those of others that wait for a second person.
func (a *Administration) Searches(ctx context.Context) (own, waiting []AuditSearch, err error) {
	err = a.view(ctx, anyRole, func(t *tx) error {
		own, waiting = nil, nil
		for k, sealed := range t.r.Range(tSearch, kv.Span{}) {
			rec, err := open[searchRecord](t, tSearch, k, sealed)
			if err != nil {
				return err
			}
			switch {
			case a.owns(rec):
				own = append(own, rec.search(k))
			case rec.Asked != 0 && rec.Answered == 0:
				waiting = append(waiting, rec.search(k))
			}
		}
		return nil
	})
	slices.SortFunc(own, func(x, y AuditSearch) int { return y.At.Compare(x.At) })
	slices.SortFunc(waiting, func(x, y AuditSearch) int { return x.Asked.Compare(y.Asked) })
	return own, waiting, err
}

func (a *Administration) owns(rec searchRecord) bool { return rec.By.Key() == a.account.Key() }

// Search is one of one's own. ErrNotFound.
func (a *Administration) Search(ctx context.Context, id SearchID) (s AuditSearch, err error) {
	err = a.view(ctx, anyRole, func(t *tx) (err error) {
		s, err = a.ownSearch(t, id)
		return err
	})
	return s, err
}

func (a *Administration) ownSearch(t *tx, id SearchID) (AuditSearch, error) {
	rec, found, err := load[searchRecord](t, tSearch, id[:])
	if err == nil && (!found || !a.owns(rec)) {
		err = ErrNotFound
	}
	return rec.search(id[:]), err
}

// AskSecond asks for a second person to approve a search of one's own. ErrNotFound.
func (a *Administration) AskSecond(ctx context.Context, id SearchID) error {
	return a.changeSearch(ctx, id, "ask for second person", func(t *tx, rec *searchRecord) error {
		if !a.owns(*rec) {
			return ErrNotFound
		}
		rec.Asked, rec.Answered, rec.Approved, rec.By2 = instantOf(t.v.now()), 0, false, policy.Address{}
		return nil
	})
}

// AnswerSearch approves or refuses somebody else's search that waits for it. ErrNotFound; ErrOwnAccess if it is one's own.
func (a *Administration) AnswerSearch(ctx context.Context, id SearchID, approve bool) error {
	action := "refuse search"
	if approve {
		action = "approve search"
	}
	return a.changeSearch(ctx, id, action, func(t *tx, rec *searchRecord) error {
		switch {
		case a.owns(*rec):
			return ErrOwnAccess
		case rec.Asked == 0 || rec.Answered != 0:
			return ErrNotFound
		}
		rec.Answered, rec.Approved, rec.By2 = instantOf(t.v.now()), approve, a.account
		return nil
	})
}

func (a *Administration) changeSearch(ctx context.Context, id SearchID, action string, change func(*tx, *searchRecord) error) error {
	return a.update(ctx, anyRole, func(t *tx) error {
		rec, found, err := load[searchRecord](t, tSearch, id[:])
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		if err := change(t, &rec); err != nil {
			return err
		}
		return errors.Join(save(t, tSearch, id[:], &rec), t.record(a.event(action, id.String()+" of "+rec.By.Key())))
	})
}
