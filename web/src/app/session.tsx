/** Who sits here: the session, its end, and signing in again without losing the page. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import { ApiError, send, setToken, whenSignedOut } from "@/api/client";
import type { Me } from "@/api/types";

interface Session {
  me: Me | undefined;
  /** Known to be signed out; undefined while it is being found out. */
  signedOut: boolean;
  error: ApiError | undefined;
  signIn(credential: { key: string } | { link: string }): Promise<void>;
  signOut(): Promise<void>;
  retry(): void;
}

const Context = createContext<Session | undefined>(undefined);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [me, setMe] = useState<Me>();
  const [signedOut, setSignedOut] = useState(false);
  const [error, setError] = useState<ApiError>();

  const accept = useCallback((next: Me) => {
    setToken(next.csrf_token ?? "");
    setError(undefined);
    setSignedOut(false);
    setMe(next);
  }, []);

  const load = useCallback(async () => {
    setError(undefined);
    try {
      accept(await send<Me>("GET", "/v1/me"));
    } catch (failed) {
      if (failed instanceof ApiError && failed.status !== 401) setError(failed);
    }
  }, [accept]);

  useEffect(() => {
    whenSignedOut(() => setSignedOut(true));
    void load();
  }, [load]);

  const value: Session = {
    me,
    signedOut,
    error,
    signIn: async (credential) => accept(await send<Me>("POST", "/v1/session", credential)),
    signOut: async () => {
      await send("DELETE", "/v1/session");
      window.location.assign("/");
    },
    retry: () => void load(),
  };
  return <Context value={value}>{children}</Context>;
}

export function useSession(): Session {
  const found = useContext(Context);
  if (!found) throw new Error("no session around this page");
  return found;
}

/** The person; only where the shell has made sure that there is one. */
export function useMe(): Me {
  const { me } = useSession();
  if (!me) throw new Error("nobody is signed in");
  return me;
}

/** May they see pages of managers, of reviewers? */
export function mayManage(me: Me): boolean {
  return me.role === "owner" || me.role === "manager";
}

export function mayReview(me: Me): boolean {
  return mayManage(me) || me.role === "reviewer";
}
