import { newToken, sameToken } from "../execution/python/dial-in.ts";
import { type GuestHello, PROTOCOL } from "../execution/python/messages.ts";
import type { Call } from "../state/call.ts";
import type { Channel, ChannelEvents } from "../transport/channel.ts";
import { version } from "../util/version.generated.ts";
import type { FromClient, ToClient } from "./messages.ts";

/** What a guest asks for, until it is gone. */
export interface GuestSession {
  handle(message: FromClient, body: Uint8Array): void;
  /** Nobody listens any more: its calls in flight are cancelled. */
  leave(): void;
}

interface Invitation {
  readonly call: Call;
  readonly token: string;
  readonly channels: Set<Channel>;
}

/**
 * Processes that a body started, and workers in the middle of one: they show a token, and their calls join the tree of the body's
 * call. Of a body on the host it is the call's; in a worker, the worker's, which stands for the call that it runs at that time. With
 * the call's outcome the channels of its guests are closed, and its token is worth nothing any more.
 */
export class Guests {
  readonly #invitations = new Map<string, Invitation>();
  readonly #welcome: (call: Call, channel: Channel) => GuestSession;
  readonly #callInWorker: (name: string, token: string) => Call | undefined;

  /**
   * @param welcome makes what serves a guest of a call
   * @param callInWorker the call that a worker of that name and token runs now
   */
  constructor(
    welcome: (call: Call, channel: Channel) => GuestSession,
    callInWorker: (name: string, token: string) => Call | undefined,
  ) {
    this.#welcome = welcome;
    this.#callInWorker = callInWorker;
  }

  /** The token of a call in flight: the same one each time. */
  invite(call: Call): string {
    return this.#invitationOf(call).token;
  }

  /** Undefined turns it away. */
  accept({ version: shown, guest }: GuestHello, channel: Channel): ChannelEvents | undefined {
    const invitation = shown === version ? this.#invitationFor(guest) : undefined;
    if (!invitation) return undefined;
    const session = this.#welcome(invitation.call, channel);
    invitation.channels.add(channel);
    const ready: ToClient = { type: "ready", protocol: PROTOCOL, version, pid: process.pid };
    channel.send(ready);
    return {
      frame: ({ header, body }) => session.handle(header as FromClient, body),
      closed: () => {
        invitation.channels.delete(channel);
        session.leave();
      },
    };
  }

  /** The call has its outcome. */
  revoke(callId: string): void {
    const invitation = this.#invitations.get(callId);
    if (!invitation) return;
    this.#invitations.delete(callId);
    for (const channel of [...invitation.channels]) channel.close();
  }

  #invitationOf(call: Call): Invitation {
    let invitation = this.#invitations.get(call.id);
    if (!invitation) {
      invitation = { call, token: newToken(), channels: new Set() };
      this.#invitations.set(call.id, invitation);
    }
    return invitation;
  }

  #invitationFor({ call: name, token }: GuestHello["guest"]): Invitation | undefined {
    const inWorker = this.#callInWorker(name, token);
    if (inWorker) return this.#invitationOf(inWorker);
    const invitation = this.#invitations.get(name);
    return invitation && sameToken(invitation.token, token) ? invitation : undefined;
  }
}
