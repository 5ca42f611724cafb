package vault

import (
	"sigill/vault/internal/cbor"
	"sigill/vault/message"
)

// The two records that lists of messages are made of are read by hand, since decoding them by reflection took most of a
// listing's time. What the hand cannot read, such as a field that is not known here, is left to the decoder of all others.

// decodeEntry reads an entry, whose texts are copies. False, and an empty one, if it cannot.
func decodeEntry(b []byte, rec *entryRecord) bool {
	r := cbor.NewReader(b)
	for range r.Map() {
		switch r.Field() {
		case 1:
			if copy(rec.Message[:], r.Octets()) != len(rec.Message) {
				r.Fail()
			}
		case 2:
			rec.Flags = Flags(r.Int())
		case 3:
			for range r.List() {
				rec.Keywords = append(rec.Keywords, string([]byte(r.Text())))
			}
		case 4:
			rec.Date = instant(r.Int())
		case 5:
			rec.Size = r.Int()
		default:
			r.Fail()
		}
	}
	if !r.OK() {
		*rec = entryRecord{}
	}
	return r.OK()
}

// decodeIndex reads an index, whose texts lie in b. Lists of one that was read before are used again. False, and an empty
// one, if it cannot.
func decodeIndex(b []byte, ix *message.Index) bool {
	r := indexReader{cbor.NewReader(b)}
	r.index(ix)
	if !r.OK() {
		*ix = message.Index{}
	}
	return r.OK()
}

// indexReader reads an index by the numbers its fields have in docs/format.md. What is left out is empty.
type indexReader struct{ cbor.Reader }

func (r *indexReader) index(ix *message.Index) {
	ix.Size, ix.Defects = 0, ix.Defects[:0]
	emptyEnvelope(&ix.Envelope)
	emptyPart(&ix.Root)
	for range r.Map() {
		switch r.Field() {
		case 1:
			ix.Size = r.Int()
		case 2:
			r.envelope(&ix.Envelope)
		case 3:
			r.part(&ix.Root, 0)
		case 4:
			r.texts(&ix.Defects)
		default:
			r.Fail()
		}
	}
}

// emptyEnvelope and emptyPart leave nothing but room for lists.
func emptyEnvelope(e *message.Envelope) {
	*e = message.Envelope{
		From: e.From[:0], Sender: e.Sender[:0], ReplyTo: e.ReplyTo[:0], To: e.To[:0], Cc: e.Cc[:0], Bcc: e.Bcc[:0],
		InReplyTo: e.InReplyTo[:0], References: e.References[:0],
	}
}

func emptyPart(p *message.Part) {
	*p = message.Part{
		Params: p.Params[:0], DispositionParams: p.DispositionParams[:0], Language: p.Language[:0], Children: p.Children[:0],
	}
}

func (r *indexReader) envelope(e *message.Envelope) {
	emptyEnvelope(e)
	for range r.Map() {
		switch r.Field() {
		case 1:
			e.Date = r.Time()
		case 2:
			e.Subject = r.Text()
		case 3:
			r.mailboxes(&e.From)
		case 4:
			r.mailboxes(&e.Sender)
		case 5:
			r.mailboxes(&e.ReplyTo)
		case 6:
			r.mailboxes(&e.To)
		case 7:
			r.mailboxes(&e.Cc)
		case 8:
			r.mailboxes(&e.Bcc)
		case 9:
			e.MessageID = r.Text()
		case 10:
			r.texts(&e.InReplyTo)
		case 11:
			r.texts(&e.References)
		case 12:
			e.RawDate = r.Text()
		default:
			r.Fail()
		}
	}
}

func (r *indexReader) mailboxes(list *[]message.Mailbox) {
	for range r.List() {
		m := another(list)
		*m = message.Mailbox{}
		for range r.Map() {
			switch r.Field() {
			case 1:
				m.Name = r.Text()
			case 2:
				m.Local = r.Text()
			case 3:
				m.Host = r.Text()
			case 4:
				m.Route = r.Text()
			default:
				r.Fail()
			}
		}
	}
}

// deepest is more than message.DefaultLimits lets in; the other decoder has a limit of its own.
const deepest = 200

func (r *indexReader) part(p *message.Part, depth int) {
	if depth == deepest {
		r.Fail()
	}
	emptyPart(p)
	for range r.Map() {
		r.partField(r.Field(), p, depth)
	}
}

func (r *indexReader) partField(number int, p *message.Part, depth int) {
	switch number {
	case 1:
		p.Type = r.Text()
	case 2:
		p.Subtype = r.Text()
	case 3:
		r.params(&p.Params)
	case 4:
		p.Encoding = r.Text()
	case 5:
		p.ID = r.Text()
	case 6:
		p.Description = r.Text()
	case 7:
		p.Disposition = r.Text()
	case 8:
		r.params(&p.DispositionParams)
	case 9:
		r.texts(&p.Language)
	case 10:
		p.Location = r.Text()
	case 11:
		p.MD5 = r.Text()
	case 12:
		r.extent(&p.Header)
	case 13:
		r.extent(&p.Body)
	case 14:
		p.Lines = r.Int()
	case 15:
		p.Decoded = r.Int()
	case 16:
		for range r.List() {
			r.part(another(&p.Children), depth+1)
		}
	case 17:
		p.Envelope = new(message.Envelope)
		r.envelope(p.Envelope)
	case 18:
		p.Trimmed = r.Bool()
	default:
		r.Fail()
	}
}

func (r *indexReader) params(list *[]message.Param) {
	for range r.List() {
		p := another(list)
		*p = message.Param{}
		for range r.Map() {
			switch r.Field() {
			case 1:
				p.Name = r.Text()
			case 2:
				p.Value = r.Text()
			default:
				r.Fail()
			}
		}
	}
}

func (r *indexReader) extent(e *message.Range) {
	for range r.Map() {
		switch r.Field() {
		case 1:
			e.Offset = r.Int()
		case 2:
			e.Size = r.Int()
		default:
			r.Fail()
		}
	}
}

func (r *indexReader) texts(list *[]string) {
	for range r.List() {
		*another(list) = r.Text()
	}
}

// another makes a list one longer and gives the new item, which may hold what was once there.
func another[T any](list *[]T) *T {
	n := len(*list)
	if n == cap(*list) {
		*list = append(*list, *new(T))
	} else {
		*list = (*list)[:n+1]
	}
	return &(*list)[n]
}
