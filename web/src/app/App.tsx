import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { createBrowserRouter, Navigate, RouterProvider } from "react-router";
import { Shell } from "./Shell";
import { SignIn } from "./SignIn";
import { mayManage, useMe, useSession } from "./session";
import { Empty, Failed, Loading } from "./states";

const WorkHome = lazy(() => import("@/pages/work/WorkHome"));
const WorkPage = lazy(() => import("@/pages/work/WorkPage"));
const Projects = lazy(() => import("@/pages/projects/Projects"));
const NewProject = lazy(() => import("@/pages/projects/NewProject"));
const Project = lazy(() => import("@/pages/project/Project"));
const People = lazy(() => import("@/pages/people/People"));
const Line = lazy(() => import("@/pages/line/Line"));

const router = createBrowserRouter([
  {
    element: <Shell />,
    children: [
      { index: true, element: <Home /> },
      { path: "work", element: <WorkHome lane="work" key="work" /> },
      { path: "review", element: <WorkHome lane="review" key="review" /> },
      { path: "work/:project", element: <WorkPage lane="work" key="work" /> },
      { path: "review/:project", element: <WorkPage lane="review" key="review" /> },
      { path: "projects", element: <Projects /> },
      { path: "projects/new", element: <NewProject /> },
      { path: "projects/:project/*", element: <Project /> },
      { path: "people/*", element: <People /> },
      { path: "line/*", element: <Line /> },
      { path: "*", element: <NotFound /> },
    ],
  },
]);

/** Everybody has a home page of their own. */
function Home() {
  const me = useMe();
  if (me.operator) return <Navigate to="/line" replace />;
  if (mayManage(me)) return <Navigate to="/projects" replace />;
  return <Navigate to={me.role === "reviewer" ? "/review" : "/work"} replace />;
}

function NotFound() {
  const { t } = useTranslation();
  return <Empty title={t("app.notFound")} help={t("app.notFoundHelp")} />;
}

export function App() {
  const { me, signedOut, error, retry } = useSession();
  if (!me && error) return <Failed error={error} retry={retry} />;
  if (!me) return signedOut ? <SignIn /> : <Loading what="Labelmill" />;
  return (
    <Suspense fallback={<Loading what="Labelmill" />}>
      <RouterProvider router={router} />
    </Suspense>
  );
}
