// Package tnef decodes winmail.dat: the Transport Neutral Encapsulation Format in which Outlook and Exchange may pack a
// mail ([MS-OXTNEF]). It gives the texts and the attachments that lie in it.
//
// It promises that time and memory are bounded by the size of the input and the limits below, and that what can be read
// is given although the rest cannot: a wrong checksum, a length beyond the end and properties of unknown types end the
// reading of what they stand in, and are told. What is given points into the input, save for decompressed RTF.
package tnef

import (
	"encoding/binary"
	"errors"
	"slices"
)

// ErrFormat means that a file is no TNEF.
var ErrFormat = errors.New("tnef: not winmail.dat")

// Limits of what one file may hold. A mail that a program wrote does not pass them.
const (
	maxAttributes  = 20_000
	maxProperties  = 20_000
	maxAttachments = 1_000
	maxDepth       = 4        // messages in messages
	maxRTF         = 32 << 20 // octets of decompressed RTF
)

// Message is a message that lay in a file.
type Message struct {
	Subject string
	// Text, HTML and RTF are the body, each nil if it is not there in that form. HTML is in its own charset.
	Text string
	HTML []byte
	RTF  []byte
	// Attachments are those of the message and of messages attached to it.
	Attachments []Attachment
	// Defects tells what could not be read, for people, without content.
	Defects []string
}

// Attachment is a file.
type Attachment struct {
	Name      string // as written; whoever saves it cleans it
	Type      string // a media type, "" if it is not told
	ContentID string
	Data      []byte
}

// Signature begins every file, least octet first.
const Signature = 0x223e9f78

// Is tells whether a file begins as TNEF does.
func Is(b []byte) bool { return len(b) >= 6 && binary.LittleEndian.Uint32(b) == Signature }

// Decode reads a file. The error is ErrFormat if it is none; a damaged one has defects.
func Decode(b []byte) (Message, error) {
	if !Is(b) {
		return Message{}, ErrFormat
	}
	d := decoder{attributes: maxAttributes, properties: maxProperties}
	d.message(b, 1)
	return d.Message, nil
}

// decoder is one file being read, with what it may still cost.
type decoder struct {
	Message
	attributes, properties int
}

// Attributes, [MS-OXTNEF] section 2.1.3.2, with their type in the upper half.
const (
	attSubject            = 0x00018004
	attBody               = 0x0002800c
	attMessageProperties  = 0x00069003
	attAttachRenderData   = 0x00069002
	attAttachTitle        = 0x00018010
	attAttachData         = 0x0006800f
	attAttachTransport    = 0x00069001
	attAttachProperties   = 0x00069005
	attachmentLevel       = 2
	attributeHead         = 9 // level, id, length
	attributeTail         = 2 // checksum
	embeddedInterfaceSize = 16
)

func (d *decoder) message(b []byte, depth int) {
	b = b[6:] // signature and key
	var file *attachment
	done := func() {
		if file != nil {
			d.attach(file, depth)
		}
	}
	for len(b) > 0 {
		a, rest, ok := readAttribute(b)
		if d.attributes--; !ok || d.attributes < 0 {
			d.defect("the file breaks off")
			break
		}
		if b = rest; a.wrong {
			d.defect("a checksum is wrong")
		}
		switch {
		case a.id == attAttachRenderData: // the first of each attachment, section 2.1.3.3
			done()
			file = &attachment{}
		case a.level == attachmentLevel && file != nil:
			d.attachmentAttribute(file, a)
		case a.level != attachmentLevel && depth == 1:
			d.messageAttribute(a)
		}
	}
	done()
}

func (d *decoder) messageAttribute(a attribute) {
	switch a.id {
	case attSubject:
		d.Subject = text8(a.data)
	case attBody:
		d.Text = text8(a.data)
	case attMessageProperties:
		for p := range d.all(a.data) {
			switch p.id {
			case propSubject:
				d.Subject = p.text()
			case propBody:
				d.Text = p.text()
			case propHTML:
				d.HTML = p.data
			case propRTF:
				d.rtf(p.data)
			}
		}
	}
}

func (d *decoder) rtf(packed []byte) {
	out, err := decompress(packed, maxRTF)
	if err != nil {
		d.defect("the RTF text cannot be decompressed")
		return
	}
	d.RTF = out
}

// attachment is an attachment being read: names of several kinds, the longest is the best.
type attachment struct {
	Attachment
	title, transport, short, long string
	object                        []byte // an embedded message, or an OLE object
}

func (d *decoder) attachmentAttribute(file *attachment, a attribute) {
	switch a.id {
	case attAttachTitle:
		file.title = text8(a.data)
	case attAttachTransport:
		file.transport = text8(a.data)
	case attAttachData:
		file.Data = a.data
	case attAttachProperties:
		for p := range d.all(a.data) {
			switch p.id {
			case propAttachLongName:
				file.long = p.text()
			case propAttachName:
				file.short = p.text()
			case propAttachType:
				file.Type = p.text()
			case propAttachContentID:
				file.ContentID = p.text()
			case propAttachData:
				if p.kind == kindObject {
					file.object = p.data
				} else if file.Data == nil {
					file.Data = p.data
				}
			}
		}
	}
}

// attach adds a file to the message, or the files of a message that lies in it.
func (d *decoder) attach(file *attachment, depth int) {
	for _, name := range []string{file.long, file.transport, file.short, file.title} {
		if file.Name == "" {
			file.Name = name
		}
	}
	inner := file.object
	if len(inner) > embeddedInterfaceSize && Is(inner[embeddedInterfaceSize:]) {
		if depth == maxDepth {
			d.defect("too many messages in messages")
			return
		}
		d.message(inner[embeddedInterfaceSize:], depth+1)
		return
	}
	if file.Data == nil {
		file.Data = file.object
	}
	if len(d.Attachments) == maxAttachments {
		d.defect("too many attachments")
		return
	}
	d.Attachments = append(d.Attachments, file.Attachment)
}

func (d *decoder) defect(text string) {
	if !slices.Contains(d.Defects, text) {
		d.Defects = append(d.Defects, text)
	}
}

type attribute struct {
	level byte
	id    uint32
	data  []byte
	wrong bool // the checksum
}

func readAttribute(b []byte) (a attribute, rest []byte, ok bool) {
	if len(b) < attributeHead {
		return a, nil, false
	}
	a.level, a.id = b[0], binary.LittleEndian.Uint32(b[1:])
	n := uint64(binary.LittleEndian.Uint32(b[5:]))
	if b = b[attributeHead:]; uint64(len(b)) < n+attributeTail {
		return a, nil, false
	}
	a.data = b[:n:n]
	sum := uint16(0)
	for _, c := range a.data {
		sum += uint16(c)
	}
	a.wrong = sum != binary.LittleEndian.Uint16(b[n:])
	return a, b[n+attributeTail:], true
}
