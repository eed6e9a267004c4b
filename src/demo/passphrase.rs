//! Passphrases for the three accounts to sign in with: easy to type, different at each start.

use rand::RngExt;
use rand::seq::IndexedRandom;

const QUALITIES: &str = "amber ample ancient bashful blithe bold bouncy brave breezy bright brisk bronze calm candid \
    careful cheery chilly civil clever cosmic cozy crimson crisp curious dapper daring deft dusky eager early earnest \
    fabled fair fancy fearless festive fleet fluent fond frank frosty gentle giddy gifted gilded glad golden graceful \
    grand hardy hasty hearty hidden honest humble hushed indigo ivory jaunty jolly keen kindly lavish lively loyal \
    lucid lunar mellow merry mighty misty modest mossy nimble noble patient placid plucky polite proud quaint quick \
    quiet rapid rosy rustic sandy scarlet serene silent silver snowy solemn spry stately steady stormy sturdy sunny \
    swift tender thrifty tidal tidy tranquil upbeat velvet vivid wandering warm whimsical witty zesty";

const THINGS: &str = "anchor anvil apron arrow atlas awning banjo barrel basket beacon bell bobbin bonnet bottle \
    bridge bucket buckle button cabin candle canoe canvas carpet castle cello chalk chimney clock cobble compass \
    copper cradle cushion dagger drawer drum easel engine fiddle flagon flute forge fountain garden garnet girder \
    goblet guitar hammer hammock harbor harness helmet hinge kettle ladder lantern lattice lever locket lumber mantle \
    marble mirror mitten needle paddle paper parcel pebble pencil pillow pocket pulley quarry quill raft ribbon rocket \
    rudder saddle sail satchel scarf shutter signal spindle spoon stable steeple stove table tassel teapot thimble \
    timber trellis trumpet tunnel turret umbrella vessel violin wagon walnut whistle window";

const ANIMALS: &str = "alpaca badger beaver bison bobcat buffalo camel caribou cheetah chipmunk condor coyote crane \
    cricket curlew dingo dolphin donkey eagle egret eland falcon ferret finch gannet gazelle gecko gibbon giraffe \
    goose gopher grouse guppy hamster hedgehog heron hornet husky ibex iguana jackal jackdaw jaguar kestrel kitten \
    koala lemming lemur leopard lizard llama lobster lynx magpie mallard marmot marten minnow mongoose moose narwhal \
    newt ocelot octopus osprey ostrich otter oyster panda panther parrot pelican penguin pheasant pigeon plover pony \
    puffin python quail rabbit raccoon raven robin salmon seal sparrow spaniel starling stork swallow swan tapir \
    toucan trout turtle walrus warbler weasel wombat wren";

/// A new random passphrase such as `brisk-lantern-otter-417`, independent of the seed.
pub fn generate() -> String {
    let mut rng = rand::rng();
    let mut word = |list: &'static str| {
        let words: Vec<&str> = list.split_whitespace().collect();
        words.choose(&mut rng).copied().unwrap_or_default()
    };
    let words = [word(QUALITIES), word(THINGS), word(ANIMALS)];
    format!("{}-{}", words.join("-"), rng.random_range(100..1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::employees::password;

    #[test]
    fn a_passphrase_is_a_valid_password_and_differs_each_time() {
        let phrases: Vec<String> = (0..50).map(|_| generate()).collect();

        for phrase in &phrases {
            password::check(phrase, &["Harbour & Pine"]).expect(phrase);
        }
        assert_ne!(phrases[0], phrases[1]);
    }
}
