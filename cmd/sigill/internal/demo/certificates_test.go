package demo

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCertificates(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	c, err := OpenCertificates(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "::1", "localhost"} {
		if _, err := c.Server.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: c.Authority}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	again, err := OpenCertificates(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Server.Leaf.Raw, c.Server.Leaf.Raw) {
		t.Error("the certificate did not outlive a restart")
	}
	later, err := OpenCertificates(dir, now.Add(certificateLife-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(later.Server.Leaf.Raw, c.Server.Leaf.Raw) {
		t.Error("a certificate about to expire was not renewed")
	}
}

func TestKeyFilesAreSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenCertificates(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	keys, err := OpenSigningKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenSigningKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys.RSA) == 0 || !bytes.Equal(again.RSA, keys.RSA) || !bytes.Equal(again.Ed25519, keys.Ed25519) {
		t.Error("the keys did not outlive a restart")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "keys", "*.key"))
	if len(files) != 3 {
		t.Errorf("key files: %v", files)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
	}
}
