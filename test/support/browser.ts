/** A browser with the features that sign-in needs: cookies by host and path, and redirects. */
export interface Browser {
  get(url: string, headers?: Record<string, string>): Promise<Visit>;
  post(url: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Visit>;
  /** Follows redirects until a page, or until a redirect to the URL `stop`. */
  open(url: string, stop?: string): Promise<Visit>;
  submit(url: string, form: Record<string, string>, stop?: string): Promise<Visit>;
  cookies: Cookie[];
  /** Drops the cookies of this name. */
  forget(name: string): void;
}

export interface Cookie {
  host: string;
  path: string;
  name: string;
  value: string;
}

export interface Visit {
  /** The URL of the page, or of the redirect that was not followed. */
  url: URL;
  status: number;
  headers: Headers;
  text: string;
  location: string | undefined;
  /** Every `Set-Cookie` of the redirects and the page. */
  setCookies: string[];
}

const maximumHops = 15;

export function createBrowser(): Browser {
  const cookies: Cookie[] = [];

  function keep(url: URL, header: string): void {
    const [pair, ...attributes] = header.split('; ');
    const [name, value] = [pair!.slice(0, pair!.indexOf('=')), pair!.slice(pair!.indexOf('=') + 1)];
    const attribute = (wanted: string) =>
      attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
    const path = attribute('path') ?? '/';
    const expires = attribute('expires');
    const index = cookies.findIndex((one) => one.host === url.hostname && one.path === path && one.name === name);
    if (index >= 0) cookies.splice(index, 1);
    if (expires === undefined || Date.parse(expires) > Date.now())
      cookies.push({ host: url.hostname, path, name: name!, value });
  }

  async function visit(address: string, init: RequestInit): Promise<Visit> {
    const url = new URL(address);
    const sent = cookies
      .filter(
        ({ host, path }) =>
          host === url.hostname && (url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, '/'))),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: {
        accept: 'text/html',
        ...(sent !== '' && { cookie: sent }),
        ...(init.headers as Record<string, string>),
      },
    });
    const setCookies = response.headers.getSetCookie();
    for (const header of setCookies) keep(url, header);
    const to = response.headers.get('location');
    return {
      url,
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      location: to === null ? undefined : new URL(to, url).href,
      setCookies,
    };
  }

  async function follow(first: Visit, stop: string | undefined): Promise<Visit> {
    let here = first;
    const setCookies = [...here.setCookies];
    for (let hops = 0; here.location !== undefined; hops++) {
      if (hops === maximumHops) throw new Error(`sent on more than ${maximumHops} times, last to ${here.location}`);
      if (stop !== undefined && here.location.startsWith(stop))
        return { ...here, url: new URL(here.location), setCookies };
      here = await visit(here.location, {});
      setCookies.push(...here.setCookies);
    }
    return { ...here, setCookies };
  }

  const browser: Browser = {
    cookies,
    forget(name) {
      for (const [index, cookie] of [...cookies.entries()].reverse())
        if (cookie.name === name) cookies.splice(index, 1);
    },
    get: (url, headers = {}) => visit(url, { headers }),
    post: (url, form, headers = {}) =>
      visit(url, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: { origin: new URL(url).origin, ...headers },
      }),
    open: async (url, stop) => await follow(await browser.get(url), stop),
    submit: async (url, form, stop) => await follow(await browser.post(url, form), stop),
  };
  return browser;
}

/** Returns the hidden fields of the form on a page. */
export function hiddenOf({ text }: Visit): Record<string, string> {
  const inputs = [...text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"\/?>/g)];
  return Object.fromEntries(inputs.map((match) => [match[1]!, match[2]!]));
}
