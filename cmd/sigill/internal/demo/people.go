package demo

import (
	"sigill/policy"
	"sigill/vault"
)

// Domain is the municipality's, and CitizenDomain where its citizens have their mail. Both end in a top level domain that
// RFC 2606 keeps free.
const (
	Organisation  = "Exempelkommun"
	Domain        = "exempelkommun.example"
	CitizenDomain = "medborgare.example"
	Phone         = "0123-456 78"
)

// Staff is a staff member with a password that everybody may know.
type Staff struct {
	Name     string
	Address  policy.Address
	Password string
	Roles    vault.StaffRoles
}

// FunctionAddress is a shared mailbox.
type FunctionAddress struct {
	Name    string
	Address policy.Address
	Members []policy.Address
}

// Person is a citizen with one of the Swedish Tax Agency's test numbers.
type Person struct {
	Name    string
	Number  policy.PersonID
	Address policy.Address
}

// TheStaff are Anna, an administrator, and Bo, an auditor, who are members of the function address, and Cecilia, who is not.
func TheStaff() []Staff {
	return []Staff{
		{"Anna Andersson", policy.MustAddress("anna.andersson@" + Domain), "demo-anna-7391", vault.Administrator},
		{"Bo Berg", policy.MustAddress("bo.berg@" + Domain), "demo-bo-4826", vault.Auditor},
		{"Cecilia Ceder", policy.MustAddress("cecilia.ceder@" + Domain), "demo-cecilia-5108", 0},
	}
}

// TheFunctionAddress is that of the social services.
func TheFunctionAddress() FunctionAddress {
	staff := TheStaff()
	return FunctionAddress{
		Name:    "Socialtjänsten",
		Address: policy.MustAddress("socialtjanst@" + Domain),
		Members: []policy.Address{staff[0].Address, staff[1].Address},
	}
}

// ThePersons are three citizens; the last has a samordningsnummer.
func ThePersons() []Person {
	return []Person{
		{"Karin Ek", policy.MustPersonID("198506142382"), policy.MustAddress("karin.ek@" + CitizenDomain)},
		{"Mikael Lund", policy.MustPersonID("199203082392"), policy.MustAddress("mikael.lund@" + CitizenDomain)},
		{"Leila Haddad", policy.MustPersonID("197412772381"), policy.MustAddress("leila.haddad@" + CitizenDomain)},
	}
}

// SpareNumbers are test numbers for recipients the demo does not know.
func SpareNumbers() []policy.PersonID {
	return []policy.PersonID{
		policy.MustPersonID("199001012385"), policy.MustPersonID("197711032396"), policy.MustPersonID("200109172387"),
		policy.MustPersonID("198000602394"), policy.MustPersonID("199908072391"),
	}
}
