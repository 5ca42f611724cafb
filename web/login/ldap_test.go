package login_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/web/login"
)

const people = `
dn: dc=kommun,dc=example
objectClass: dcObject
objectClass: organization
dc: kommun
o: Kommun

dn: ou=staff,dc=kommun,dc=example
objectClass: organizationalUnit
ou: staff

dn: cn=reader,dc=kommun,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reads

dn: uid=anna,ou=staff,dc=kommun,dc=example
objectClass: inetOrgPerson
uid: anna
cn: Anna
sn: Ek
mail: anna@kommun.example
employeeType: staff
userPassword: annas

dn: uid=star,ou=staff,dc=kommun,dc=example
objectClass: inetOrgPerson
uid: star
cn: Star
sn: Star
mail: a*@kommun.example
userPassword: stars

dn: uid=bo1,ou=staff,dc=kommun,dc=example
objectClass: inetOrgPerson
uid: bo1
cn: Bo
sn: Ek
mail: bo@kommun.example
userPassword: bos

dn: uid=bo2,ou=staff,dc=kommun,dc=example
objectClass: inetOrgPerson
uid: bo2
cn: Bo
sn: Alm
mail: bo@kommun.example
userPassword: bos

dn: uid=nopass,ou=staff,dc=kommun,dc=example
objectClass: inetOrgPerson
uid: nopass
cn: N
sn: N
mail: nopass@kommun.example
`

// directory is Debian's slapd with those people, on loopback.
type directory struct {
	ldap, ldaps string
	roots       *x509.CertPool
	stop        func()
}

func program(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skip("needs the Debian package slapd")
	return ""
}

// freePort is one nobody listens on, below those that the kernel gives to connections and to others' listeners.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+mathrand.IntN(20_000)))
		if err == nil {
			defer l.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	slapd, slapadd := program(t, "slapd"), program(t, "slapadd")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	d := &directory{}
	var certificate, key string
	certificate, key, d.roots = serverCertificate(t)
	config := write("slapd.conf", fmt.Sprintf(`
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile %s
TLSCertificateKeyFile %s
security tls=1
database mdb
maxsize 10485760
directory %s
suffix "dc=kommun,dc=example"
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,dc=kommun,dc=example" read by * none
`, write("cert.pem", certificate), write("key.pem", key), dir))
	if out, err := exec.CommandContext(t.Context(), slapadd, "-f", config, "-l", write("people.ldif", people)).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	clear, secure := freePort(t), freePort(t)
	d.ldap, d.ldaps = "ldap://localhost:"+clear, "ldaps://localhost:"+secure
	ctx, cancel := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, slapd, "-d", "0", "-f", config, "-h", "ldap://127.0.0.1:"+clear+" ldaps://127.0.0.1:"+secure)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	d.stop = func() { cancel(); _ = server.Wait() }
	t.Cleanup(d.stop)
	for range 200 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+secure); err == nil {
			c.Close()
			return d
		}
		time.Sleep(20 * time.Millisecond) // until another process listens
	}
	t.Fatal("slapd does not listen")
	return nil
}

func serverCertificate(t *testing.T) (certificate, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), roots
}

func TestLDAP(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	with := func(url string, change func(*login.LDAPConfig)) *login.LDAP {
		t.Helper()
		c := login.LDAPConfig{URL: url, Roots: d.roots, BindDN: "cn=reader,dc=kommun,dc=example", Password: "reads", Base: "ou=staff,dc=kommun,dc=example"}
		if change != nil {
			change(&c)
		}
		l, err := login.NewLDAP(c)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	bad := vault.ErrBadCredentials
	for _, row := range []struct {
		why, address, password string
		want                   error
	}{
		{"right", "anna@kommun.example", "annas", nil},
		{"the address in other case", "Anna@Kommun.Example", "annas", nil},
		{"wrong password", "anna@kommun.example", "bos", bad},
		{"no password: a bind without one would succeed, as nobody", "anna@kommun.example", "", bad},
		{"nobody", "dag@kommun.example", "annas", bad},
		{"two have the address", "bo@kommun.example", "bos", bad},
		{"an account without password", "nopass@kommun.example", "x", bad},
		{"a star is a star", "a*@kommun.example", "stars", nil},
		{"and nothing else", "a*@kommun.example", "annas", bad},
		{"a filter in the address", "anna@kommun.example)(uid=*", "annas", bad},
		{"the reader is not staff", "reader@kommun.example", "reads", bad},
	} {
		a, err := policy.ParseAddress(row.address)
		if err != nil {
			if row.want == nil {
				t.Errorf("%s: %v", row.why, err)
			}
			continue // it never comes this far
		}
		for _, url := range []string{d.ldaps, d.ldap} {
			if err := with(url, nil).Check(t.Context(), a, row.password); !errors.Is(err, row.want) {
				t.Errorf("%s, %s: %v", row.why, url, err)
			}
		}
	}
	anna := policy.MustAddress("anna@kommun.example")
	port := strings.TrimPrefix(d.ldaps, "ldaps://localhost")
	for _, row := range []struct {
		why, url string
		change   func(*login.LDAPConfig)
	}{
		{"another name than the certificate's", "ldaps://127.0.0.1" + port, nil},
		{"an authority nobody knows, implicit TLS", d.ldaps, func(c *login.LDAPConfig) { c.Roots = x509.NewCertPool() }},
		{"an authority nobody knows, StartTLS", d.ldap, func(c *login.LDAPConfig) { c.Roots = x509.NewCertPool() }},
		{"the reader's password is wrong", d.ldaps, func(c *login.LDAPConfig) { c.Password = "x" }},
		{"nobody may look", d.ldaps, func(c *login.LDAPConfig) { c.BindDN, c.Password = "", "" }},
		{"there is no such place", d.ldaps, func(c *login.LDAPConfig) { c.Base = "ou=gone,dc=kommun,dc=example" }},
		{"nobody listens", "ldaps://localhost:" + freePort(t), nil},
	} {
		if err := with(row.url, row.change).Check(t.Context(), anna, "annas"); !errors.Is(err, login.ErrUnavailable) || errors.Is(err, bad) {
			t.Errorf("%s: %v", row.why, err)
		}
	}
	staff := with(d.ldaps, func(c *login.LDAPConfig) { c.Filter = "(&(mail=%s)(employeeType=staff))" })
	if err := staff.Check(t.Context(), anna, "annas"); err != nil {
		t.Errorf("a filter of one's own: %v", err)
	}
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if err := staff.Check(late, anna, "annas"); err == nil {
		t.Error("a check that was called off succeeded")
	}
}

func TestBadLDAPConfig(t *testing.T) {
	t.Parallel()
	for why, c := range map[string]login.LDAPConfig{
		"no address":               {},
		"another protocol":         {URL: "https://directory.example"},
		"no host":                  {URL: "ldaps:///"},
		"a filter without address": {URL: "ldaps://directory.example", Filter: "(uid=anna)"},
		"a filter that is none":    {URL: "ldaps://directory.example", Filter: "(mail=%s"},
		"another directive":        {URL: "ldaps://directory.example", Filter: "(mail=%s)(uid=%d)"},
		"a reader without secret":  {URL: "ldaps://directory.example", BindDN: "cn=reader"},
	} {
		if _, err := login.NewLDAP(c); err == nil {
			t.Errorf("%s is taken", why)
		}
	}
}
