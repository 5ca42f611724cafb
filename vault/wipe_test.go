package vault_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"sigill/vault"
)

// TestCloseWipes looks at the memory that held an open message's key and text, and then through all of the process's for
// copies of the key.
func TestCloseWipes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	// Of a size whose memory is not used again, by another test, while this one looks at it.
	id := h.deposit(mail("a@x", "Beslut", strings.Repeat("hemligt ", 5000)), anna, false, kim).ID
	var masked []byte // a needle that is not its own find
	for why, end := range map[string]func(*vault.Reader, *vault.Content){
		"the content is closed":     func(_ *vault.Reader, c *vault.Content) { c.Close() },
		"its reader is closed":      func(r *vault.Reader, _ *vault.Content) { r.Close() },
		"closed twice does no harm": func(r *vault.Reader, c *vault.Content) { c.Close(); r.Close() },
	} {
		r := h.reader(vault.Person(kimsID))
		opened, err := r.Open(t.Context(), id)
		must(t, err)
		_, err = opened[0].ReadAt(make([]byte, 100), 500)
		must(t, err)
		key, chunk := vault.KeyOfForTest(opened[0])
		if masked == nil {
			masked = key.Bytes()
			for i := range masked {
				masked[i] ^= 0x55
			}
			if found(t, masked) == 0 {
				t.Fatal("this test does not see a key while it is there")
			}
		}
		if !bytes.Contains(chunk, []byte("hemligt")) {
			t.Fatalf("%s: the text is not where it was thought to be", why)
		}
		end(r, opened[0])
		if b := key.Bytes(); !bytes.Equal(b, make([]byte, 32)) {
			t.Errorf("%s: the key is still there", why)
		}
		if !bytes.Equal(chunk, make([]byte, len(chunk))) {
			t.Errorf("%s: the text is still there", why)
		}
		if _, err := opened[0].ReadAt(make([]byte, 1), 0); err == nil {
			t.Errorf("%s: it can still be read", why)
		}
	}
	if n := found(t, masked); n > 0 {
		t.Errorf("%d copies of the key are left in memory", n)
	}
}

// found counts the places in the process's writable memory where the octets lie whose mask is given.
func found(t *testing.T, masked []byte) (n int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	must(t, err)
	memory, err := os.Open("/proc/self/mem")
	must(t, err)
	defer memory.Close()
	buffer := make([]byte, 1<<20)
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var access string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &access); err != nil || !strings.HasPrefix(access, "rw") || to-from > 1<<30 {
			continue // what is reserved for much more than it holds is the race detector's
		}
		for at := from; at < to; at += uint64(len(buffer) - len(masked)) {
			part := buffer[:min(uint64(len(buffer)), to-at)]
			if _, err := memory.ReadAt(part, int64(at)); err != nil {
				break
			}
			n += countMasked(part, masked)
			clear(part)
		}
	}
	return n
}

// countMasked looks for the first octets, and where they are compares the rest under the mask.
func countMasked(part, masked []byte) (n int) {
	first := bytes.Clone(masked[:8])
	for i := range first {
		first[i] ^= 0x55
	}
	for {
		i := bytes.Index(part, first)
		if i < 0 || i+len(masked) > len(part) {
			return n
		}
		same := true
		for j, b := range masked {
			same = same && part[i+j] == b^0x55
		}
		if same {
			n++
		}
		part = part[i+1:]
	}
}

// TestADepositorCannotOpen looks at its type: nothing it has, and nothing what it gives has, gives content or a reader.
func TestADepositorCannotOpen(t *testing.T) {
	t.Parallel()
	content, reader := reflect.TypeFor[*vault.Content](), reflect.TypeFor[*vault.Reader]()
	whole, readerAt, plain := reflect.TypeFor[*vault.Vault](), reflect.TypeFor[io.ReaderAt](), reflect.TypeFor[io.Reader]()
	seen := map[reflect.Type]bool{}
	var look func(typ reflect.Type, way string)
	look = func(typ reflect.Type, way string) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		if typ == content || typ == reader || typ == whole || typ.Implements(readerAt) || typ.Implements(plain) {
			t.Errorf("%s leads to %s", way, typ)
			return
		}
		if typ.Kind() == reflect.Struct {
			for i := range typ.NumField() {
				if f := typ.Field(i); f.IsExported() {
					look(f.Type, way+"."+f.Name)
				}
			}
		}
		for i := range typ.NumMethod() {
			m := typ.Method(i)
			for j := range m.Type.NumOut() {
				look(m.Type.Out(j), way+"."+m.Name+"()")
			}
		}
	}
	look(reflect.TypeFor[*vault.Depositor](), "Depositor")
	if !seen[reflect.TypeFor[*vault.Draft]()] {
		t.Error("the search does not go far enough to find a draft")
	}
}
