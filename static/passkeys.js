// Passkeys: asks the browser to create or use one, and sends its answer with the form. Only pages with such a form load this.
{
  const REASONS = {
    NotAllowedError: 'No passkey was used. Try again, or choose another way.',
    InvalidStateError: 'This device already has a passkey for your account.',
    SecurityError: 'Passkeys cannot be used at this address.',
  };

  const decode = (text) => {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (c) => c.charCodeAt(0));
  };
  const encode = (buffer) => {
    const binary = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  };
  const named = (list) => list.map((one) => ({ ...one, id: decode(one.id) }));

  async function create(options) {
    const { response } = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: decode(options.challenge),
        user: { ...options.user, id: decode(options.user.id) },
        excludeCredentials: named(options.excludeCredentials),
      },
    });
    return { client_data: response.clientDataJSON, attestation: response.attestationObject };
  }

  async function use(options) {
    const { rawId, response } = await navigator.credentials.get({
      publicKey: { ...options, challenge: decode(options.challenge), allowCredentials: named(options.allowCredentials) },
    });
    return {
      credential: rawId, client_data: response.clientDataJSON, data: response.authenticatorData,
      signature: response.signature, user_handle: response.userHandle ?? new ArrayBuffer(0),
    };
  }

  async function answer(form) {
    const problem = form.querySelector('[data-problem]');
    problem.textContent = '';
    try {
      const options = JSON.parse(form.dataset.options);
      const fields = await (form.dataset.passkey === 'create' ? create(options) : use(options));
      for (const [name, value] of Object.entries(fields)) form.elements[name].value = encode(value);
      form.dataset.answered = '';
      form.requestSubmit();
    } catch (error) {
      problem.textContent = REASONS[error.name] ?? 'This browser cannot use the passkey.';
    }
  }

  // Before the script of all pages, which disables the buttons of a form that is being sent.
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.matches('form[data-passkey]') || 'answered' in form.dataset) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    answer(form);
  }, true);
}
