package imapd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/message"
)

// Stubs are what clients in some networks are given in place of messages: a few lines and a link. Some mail programs fetch
// mail through their maker's service, which then holds all of it; they can be told by where they come from. Of a message
// such a client learns that it is there, when it came and its flags: not even the subject, and a search finds nothing more.
type Stubs struct {
	Networks []netip.Prefix
	From     policy.Address // who a stub is from
	WebURL   string         // a message is read at WebURL/messages/ID
}

// serve gives what a client is served; nil for messages themselves.
func (s Stubs) serve(client netip.Addr, account policy.Address) *stubs {
	if !slices.ContainsFunc(s.Networks, func(n netip.Prefix) bool { return n.Contains(client) }) {
		return nil
	}
	return s.saying(service, account)
}

// fenced are what any client is given in place of messages with attachments that may be malware: most mail programs hand out
// a message as a whole. It says so, and leads to the web, where the text and the other attachments are read.
func (s Stubs) fenced(account policy.Address) *stubs { return s.saying(suspect, account) }

func (s Stubs) saying(why string, account policy.Address) *stubs {
	out := &stubs{Stubs: s, why: why, to: account}
	out.size = out.of(vault.Entry{}).index.Size
	return out
}

// stubs are those of one session and reason. All have one size, so sizes are right wherever they are told.
type stubs struct {
	Stubs
	why  string
	to   policy.Address
	size int64
}

// stub is a message in place of another.
type stub struct {
	raw   []byte
	index message.Index
}

// The reasons are readable to who has no web at hand.
const (
	service = `Meddelandet visas inte här: ditt e-postprogram hämtar e-post genom sin
tillverkares tjänst, som inte får se det. Läs det på webben:

%[1]s

The message is not shown here: your mail program fetches mail through its
maker's service, which must not see it. Read it on the web:

%[1]s
`
	suspect = `Meddelandet visas inte här: en bilaga kan innehålla skadlig kod, eller
har inte kunnat kontrolleras än. Texten och övriga bilagor läser du på webben:

%[1]s

The message is not shown here: an attachment may be malware, or could not be
scanned yet. Read the text and the other attachments on the web:

%[1]s
`
)

func (s *stubs) of(e vault.Entry) stub {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\nTo: %s\nSubject: =?utf-8?q?S=C3=A4kert_meddelande_/_Secure_message?=\nDate: %s\n", s.From, s.to,
		e.Date.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	fmt.Fprintf(&b, "Message-ID: <stub.%s@%s>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n", e.Message, s.From.Domain)
	fmt.Fprintf(&b, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"+s.why, s.WebURL+"/messages/"+e.Message.String())
	out := stub{raw: bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n"))}
	x := message.NewIndexer(message.Limits{})
	_, _ = x.Write(out.raw) // never fails
	out.index = x.Close()
	return out
}

// Index is content's.
func (s stub) Index() *message.Index { return &s.index }

// Section is content's.
func (s stub) Section(r message.Range) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(s.raw), r.Offset, r.Size)
}

// Close is content's.
func (s stub) Close() {}

// content is a message open for reading: *vault.Content, or a stub.
type content interface {
	Index() *message.Index
	Section(message.Range) *io.SectionReader
	Close()
}

// stub gives what a client gets in place of a message; nil if it gets the message.
func (s *session) stub(e vault.Entry) *stubs {
	switch {
	case s.stubs != nil:
		return s.stubs
	case e.Suspect():
		return s.suspect
	}
	return nil
}

// readIndexes gives those of messages; the error is the vault's.
func (s *session) readIndexes(ctx context.Context, entries ...vault.Entry) ([]*message.Index, error) {
	return readAll(s, entries, stub.Index, func(entries []vault.Entry) ([]*message.Index, error) {
		return s.reader.Indexes(ctx, messages(entries)...)
	})
}

// opener opens messages: for reading, for their headers, or for a search.
type opener func(context.Context, ...vault.MessageID) ([]*vault.Content, error)

// readContents opens messages. To be given a stub is not to read.
func (s *session) readContents(ctx context.Context, open opener, entries ...vault.Entry) ([]content, error) {
	return readAll(s, entries, func(s stub) content { return s }, func(entries []vault.Entry) ([]content, error) {
		opened, err := open(ctx, messages(entries)...)
		out := make([]content, len(opened))
		for i, c := range opened {
			out[i] = c
		}
		return out, err
	})
}

// readAll gives something of each message, or of its stub.
func readAll[T any](s *session, entries []vault.Entry, ofStub func(stub) T, ofMessages func([]vault.Entry) ([]T, error)) ([]T, error) {
	out := make([]T, len(entries))
	var served []vault.Entry
	var at []int
	for i, e := range entries {
		if stubs := s.stub(e); stubs != nil {
			out[i] = ofStub(stubs.of(e))
			continue
		}
		served, at = append(served, e), append(at, i)
	}
	if len(served) == 0 {
		return out, nil
	}
	read, err := ofMessages(served)
	if err != nil {
		return nil, err
	}
	for n, i := range at {
		out[i] = read[n]
	}
	return out, nil
}

// sized are entries as the client sees them.
func (s *session) sized(entries []vault.Entry) []vault.Entry {
	for i := range entries {
		if stubs := s.stub(entries[i]); stubs != nil {
			entries[i].Size = stubs.size
		}
	}
	return entries
}

func messages(entries []vault.Entry) []vault.MessageID {
	ids := make([]vault.MessageID, len(entries))
	for i, e := range entries {
		ids[i] = e.Message
	}
	return ids
}
