package imapd

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
)

// transferFunc is the vault's Copy or Move.
type transferFunc func(ctx context.Context, from vault.MailboxID, uids []vault.UID, to vault.MailboxID) ([]vault.Copied, error)

// transfer copies or moves, all messages or none, and gives COPYUID's data, nil if nothing was there to take.
func (s *session) transfer(f transferFunc, spans []span, dest string) (*imap.CopyData, []vault.UID, error) {
	to, err := s.destination(dest)
	if err != nil {
		return nil, nil, err
	}
	uids := s.selected.view.uidsIn(spans)
	if len(uids) == 0 {
		return nil, nil, nil
	}
	copied, err := f(s.ctx, s.selected.id, uids, to.ID)
	if err != nil || len(copied) == 0 {
		return nil, nil, err
	}
	data := &imap.CopyData{UIDValidity: to.UIDValidity}
	var from []vault.UID
	for _, c := range copied {
		from = append(from, c.From)
		data.SourceUIDs.AddNum(imap.UID(c.From))
		data.DestUIDs.AddNum(imap.UID(c.To))
	}
	return data, from, nil
}

// Append is APPEND. The library has refused what is over APPENDLIMIT, and reads over what is left of the literal.
func (s *session) Append(name string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.forget()
	data, err := s.append(name, r, o)
	return data, s.status("APPEND", err)
}

func (s *session) append(name string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	switch {
	case s.stubs != nil:
		return nil, errStubs // it would come back as a stub
	case r.Size() == 0:
		return nil, errEmpty
	case r.Size() > s.server.limits.MessageSize:
		return nil, errTooBig
	}
	m, err := parseFlags(o.Flags)
	if err != nil {
		return nil, err
	}
	to, err := s.destination(name)
	if err != nil {
		return nil, err
	}
	date := o.Time
	if date.IsZero() {
		date = time.Now()
	}
	draft, err := s.reader.Append(to.ID, m.flags, m.keywords, date.UTC().Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	defer draft.Abort()
	if err := s.receive(draft, r); err != nil {
		return nil, err
	}
	receipt, err := draft.Commit(s.ctx)
	if err != nil {
		return nil, err
	}
	return &imap.AppendData{UID: imap.UID(receipt.UID), UIDValidity: to.UIDValidity}, nil
}

// receive reads a whole literal into the draft. The library's reader ends without an error when the connection does. No
// message has NUL octets (RFC 5322 section 3.5), by whatever literal it comes: none could be served by BODY, and RFC 3516
// section 4.4 lets them be refused.
func (s *session) receive(w io.Writer, r imap.LiteralReader) error {
	for left := r.Size(); left > 0; {
		n, readErr := r.Read(s.space()[:min(left, copySize)])
		if bytes.IndexByte(s.buffer[:n], 0) >= 0 {
			return errNUL
		}
		if _, err := w.Write(s.buffer[:n]); err != nil {
			return err
		}
		if left -= int64(n); readErr != nil && left > 0 {
			return errGone
		}
	}
	return nil
}

// copySize is how much of a message is in memory at a time.
const copySize = 64 << 10

// space is the session's buffer while a command runs.
func (s *session) space() []byte {
	if s.buffer == nil {
		s.buffer = make([]byte, copySize)
	}
	return s.buffer
}

// forget lets no clear text lie about while the client does nothing.
func (s *session) forget() {
	clear(s.buffer)
	s.buffer = nil
}
