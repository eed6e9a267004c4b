//! The employees of the demo shop: active, invited, locked and archived ones.

use std::collections::HashSet;
use std::ops::Range;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::demo::shop::{BUSINESSES, MAIL_DOMAIN};
use crate::scopes::Role;
use crate::time::{DAY, HOUR, MINUTE};

/// The index of the employee to sign in as Staff.
pub const JONAS: usize = 0;
/// The index of the employee to sign in as Store manager.
pub const MARTA: usize = 1;
/// The index of the employee to sign in as Admin; she set up the shop.
pub const PRIYA: usize = 2;
/// The index of a locked admin.
pub const INES: usize = 3;
/// The index of another store manager.
pub const TOMASZ: usize = 4;

/// Minimum number of employees of each role.
pub const EACH_ROLE: usize = 27;

/// The state of an employee, and for how many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonState {
    /// Active.
    Active,
    /// Invited; has not chosen a password yet.
    Invited,
    /// Locked.
    Locked(i64),
    /// Archived.
    Archived(i64),
}

/// An employee. Times are seconds before now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their role.
    pub role: Role,
    /// When they were added.
    pub age: i64,
    /// Their state.
    pub state: PersonState,
    /// When they last signed in, if they ever did.
    pub signed_in: Option<i64>,
    /// Indexes of their locations, counted across all businesses.
    pub locations: Vec<usize>,
}

impl Person {
    /// Seconds since they were locked or archived; 0 otherwise.
    pub fn stopped(&self) -> i64 {
        match self.state {
            PersonState::Active | PersonState::Invited => 0,
            PersonState::Locked(ago) | PersonState::Archived(ago) => ago,
        }
    }
}

// First names and family names of one language, in any combination.
const NAMES: [(&str, &str); 16] = [
    (
        "Åsa Björn Elin Gustav Linnéa Måns Saga Östen Ulrika Håkan Freja Sixten",
        "Lindqvist Öberg Sjöström Hägglund Ek Åkerlund Nyström Bergström Wallin Norén Dahlgren Friberg",
    ),
    (
        "Tomasz Małgorzata Łukasz Zofia Paweł Agnieszka Jakub Żaneta Michał Kinga Rafał Bożena",
        "Zając Gołąb Dudek Król Wieczorek Wójcik Pająk Stępień Kaczmarek Świątek Łoś Mróz",
    ),
    (
        "Ayşe Çağlar Emre Gülşen İlker Özge Şule Umut Zeynep Doğan Tuğba Hakan",
        "Çelik Yıldız Öztürk Şahin Kılıç Güneş Aydın Bozkurt Işık Erdoğdu Koç Taşkın",
    ),
    (
        "Linh Minh Thảo Đức Hương Quân Trang Dũng Ngọc Phúc Mai Sơn",
        "Nguyễn Trần Phạm Lê Đặng Võ Bùi Hồ Dương Huỳnh Đỗ Lý",
    ),
    (
        "Inês João Conceição Tiago Beatriz Simão Leonor Gonçalo Catarina Rui Luísa Estêvão",
        "Carvalho Gonçalves Araújo Simões Magalhães Brandão Teixeira Falcão Guimarães Leitão Pires Sá",
    ),
    (
        "Rohan Ananya Vikram Kavya Arjun Meera Sanjay Deepa Aditya Lakshmi Nikhil Ishaan",
        "Nair Iyer Deshmukh Chatterjee Reddy Menon Kulkarni Banerjee Pillai Joshi Rao Bhatt",
    ),
    (
        "Jürgen Käthe Sören Anneliese Götz Wiebke Matthias Bärbel Lorenz Frauke Tilman Ulla",
        "Müller Schröder Weiß Köhler Grünwald Böhm Vogel Krämer Jäger Hoffmann Lüders Petersen",
    ),
    (
        "Aino Eero Päivi Jyrki Sanna Väinö Tuuli Heikki Riikka Olavi Säde Timo",
        "Mäkinen Hämäläinen Virtanen Nieminen Järvinen Lehtonen Koskinen Rantala Äijälä Salo Ylönen Peltola",
    ),
    (
        "Søren Mette Rasmus Bodil Jørgen Astrid Kåre Ingrid Øystein Solveig Mads Gro",
        "Sørensen Kjær Ødegård Bjørnsen Holm Thorup Nygård Lund Strøm Haugen Skov Brandt",
    ),
    (
        "Ciarán Siobhán Niamh Pádraig Aoife Eoghan Róisín Declan Gráinne Fionn Orla Cathal",
        "Byrne Gallagher Kavanagh Doyle Brennan Healy Quinn Nolan Tierney Lynch Walsh Foley",
    ),
    (
        "Íñigo Lucía Andrés Begoña Nicolás Pilar Joaquín Sofía Álvaro Rocío Martín Núria",
        "Muñoz Ibáñez Peña Gutiérrez Ordóñez Vázquez Cabañas Domínguez Núñez Castaño Ríos Sáez",
    ),
    (
        "Zoé Étienne Agathe François Hélène Théo Maëlle Jérôme Noémie Gaël Anaïs Rémi",
        "Lefèvre Béranger Guérin Fauré Mallarmé Hébert Chénier Desrosiers Lemaître Aubépin Vasseur Rivière",
    ),
    (
        "Chidi Adaeze Emeka Ngozi Tunde Folake Kelechi Yetunde Obinna Amaka Segun Ifeoma",
        "Okafor Adeyemi Nwosu Balogun Eze Afolabi Onyekachi Olawale Mbah Ogunleye Chukwu Bello",
    ),
    (
        "Haruto Yuki Sakura Kenji Aiko Daichi Emi Takumi Naoko Ren Hana Satoshi",
        "Tanaka Kobayashi Shimizu Mori Hayashi Fujita Okada Nakagawa Ishii Ueda Kondo Sakamoto",
    ),
    (
        "Jana Ondřej Šárka Tomáš Zdeněk Kateřina Jiří Lenka Vojtěch Žofie Radek Běla",
        "Krejčí Kočí Hořejší Dolejší Martinů Janů Petrů Pavlů Matějů Tomků Jírů Blahů",
    ),
    (
        "Layla Omar Yasmin Karim Nadia Tariq Salma Idris Rania Bilal Huda Samir",
        "Haddad Mansour Khalil Aziz Darwish Farouk Nasser Rahimi Saleh Zidan Qasim Hamdan",
    ),
];

/// About `count` employees. The first five are always the same.
pub fn people(count: usize, rng: &mut StdRng) -> Vec<Person> {
    let mut all = vec![
        person("Jonas Berg", Role::Staff, 611 * DAY, PersonState::Active, &[0]),
        person("Marta Lindqvist", Role::Manager, 1_042 * DAY, PersonState::Active, &[0, 3]),
        person("Priya Nair", Role::Admin, 1_188 * DAY, PersonState::Active, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        person("Ines Carvalho", Role::Admin, 873 * DAY, PersonState::Locked(5 * DAY - 3 * HOUR), &[1, 4]),
        person("Tomasz Zając", Role::Manager, 530 * DAY, PersonState::Active, &[2]),
    ];
    let mut taken: HashSet<String> = all.iter().map(|person| person.email.clone()).collect();
    let mut names = every_name();
    names.shuffle(rng);
    let missing = count.max(3 * EACH_ROLE).saturating_sub(all.len());
    for (i, name) in names.iter().filter(|name| taken.insert(address(name))).take(missing).enumerate() {
        all.push(somebody(name, i, &all, rng));
    }
    for person in &mut all {
        person.signed_in = last_signed_in(person, rng);
    }
    all
}

fn person(name: &str, role: Role, age: i64, state: PersonState, locations: &[usize]) -> Person {
    Person { name: name.into(), email: address(name), role, age, state, signed_in: None, locations: locations.to_vec() }
}

fn every_name() -> Vec<String> {
    let pairs = |(first, last): &(&'static str, &'static str)| {
        let last = *last;
        first.split_whitespace().flat_map(move |a| last.split_whitespace().map(move |b| format!("{a} {b}")))
    };
    NAMES.iter().flat_map(pairs).collect()
}

fn somebody(name: &str, i: usize, before: &[Person], rng: &mut StdRng) -> Person {
    let short = Role::ALL.iter().find(|role| before.iter().filter(|one| one.role == **role).count() < EACH_ROLE);
    // Beyond the minimum of each role, a shop has mostly staff, some managers and few admins.
    let role = short.copied().unwrap_or(match rng.random_range(0..20) {
        0 => Role::Admin,
        1..5 => Role::Manager,
        _ => Role::Staff,
    });
    let state = match i % 16 {
        2 => PersonState::Archived(days_ago(1..26, rng)),
        5 => PersonState::Locked(days_ago(1..20, rng)),
        9 => PersonState::Invited,
        13 => PersonState::Archived(days_ago(40..300, rng)),
        _ => PersonState::Active,
    };
    let age = match state {
        PersonState::Invited => days_ago(1..11, rng),
        PersonState::Active if i % 16 == 7 => days_ago(12..60, rng),
        PersonState::Archived(ago) => ago + rng.random_range(90..800) * DAY,
        _ => days_ago(75..1_100, rng),
    };
    let places: usize = BUSINESSES.iter().map(|business| business.4.len()).sum();
    let reach = match role {
        Role::Staff => 1,
        Role::Manager => rng.random_range(1..=3),
        Role::Admin => rng.random_range(3..=places),
    };
    let mut locations = (0..places).collect::<Vec<_>>().sample(rng, reach).copied().collect::<Vec<_>>();
    locations.sort_unstable();
    person(name, role, age, state, &locations)
}

fn last_signed_in(person: &Person, rng: &mut StdRng) -> Option<i64> {
    let ago = match rng.random_range(0..20) {
        0 => return None,
        1..7 => rng.random_range(5 * MINUTE..4 * HOUR),
        7..16 => days_ago(1..12, rng),
        _ => days_ago(12..110, rng),
    };
    match person.state {
        PersonState::Invited => None,
        _ => Some((person.stopped() + ago).min(person.age - HOUR)),
    }
}

/// A number of days ago, at about the current time of day, because people work during the day.
pub fn days_ago(days: Range<i64>, rng: &mut StdRng) -> i64 {
    rng.random_range(days) * DAY + rng.random_range(-4 * HOUR..4 * HOUR)
}

/// An e-mail address: the name in ASCII letters.
fn address(name: &str) -> String {
    let letters = name.to_lowercase().chars().map(|c| if c == ' ' { '.' } else { plain(c) }).collect::<String>();
    let letters: String = letters.chars().filter(|c| c.is_ascii_lowercase() || *c == '.').collect();
    format!("{letters}@{MAIL_DOMAIN}")
}

fn plain(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' | 'ạ' | 'ả' | 'ầ' | 'ặ' | 'æ' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'đ' | 'ď' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' | 'ễ' => 'e',
        'ğ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ı' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ơ' | 'ồ' | 'ọ' | 'ỗ' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ş' | 'ß' => 's',
        'ť' => 't',
        'ú' | 'ù' | 'ü' | 'ů' | 'ũ' | 'ư' | 'ứ' => 'u',
        'ý' | 'ỳ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_thousand_people_have_a_thousand_addresses() {
        let all = people(1_000, &mut StdRng::seed_from_u64(3));

        assert_eq!(all.len(), 1_000);
        assert_eq!(all.iter().map(|one| &one.email).collect::<HashSet<_>>().len(), 1_000);
        for name in every_name() {
            let letters = name.split(' ').map(|part| part.chars().count()).sum::<usize>() + 1;
            assert_eq!(address(&name).find('@'), Some(letters), "{name}: a letter has no plain form");
        }
        assert_eq!(all[JONAS].email, "jonas.berg@harbourandpine.example");
    }

    #[test]
    fn every_list_of_people_has_something_to_show() {
        let all = people(90, &mut StdRng::seed_from_u64(1));

        assert_eq!(all.len(), 90);
        for role in Role::ALL {
            let of_role: Vec<&Person> = all.iter().filter(|one| one.role == *role).collect();
            assert!(of_role.len() >= 25, "{role:?}");
            assert!(of_role.iter().any(|one| matches!(one.state, PersonState::Locked(_))), "{role:?}");
            assert!(of_role.iter().any(|one| matches!(one.state, PersonState::Archived(_))), "{role:?}");
        }
        assert!(all.iter().filter(|one| one.state == PersonState::Invited).count() >= 3);
        assert!(all.iter().all(|one| one.signed_in.is_none_or(|ago| ago < one.age && ago >= one.stopped())));
    }
}
