/// One Chromium for all tests, and pages in it that note what goes wrong.
module Hybrid.Tests.Site.Browser

open System
open System.Collections.Generic
open System.IO
open System.Threading.Tasks
open Expecto
open Microsoft.Playwright

/// The browser to use: the one that HYBRID_CHROMIUM names, else one in the usual places.
let executable =
    let named = Environment.GetEnvironmentVariable "HYBRID_CHROMIUM"

    if not (String.IsNullOrEmpty named) then
        Some named
    else
        let folders = (Environment.GetEnvironmentVariable "PATH").Split Path.PathSeparator |> List.ofArray

        [
            yield! [ "/usr/bin/chromium"; "/usr/bin/chromium-browser" ]
            for folder in folders do
                for name in [ "chromium"; "google-chrome"; "google-chrome-stable" ] -> Path.Combine(folder, name)
        ]
        |> List.tryFind File.Exists

/// Why the tests that need the site or a browser cannot run, if they cannot.
let obstacle =
    match executable with
    | _ when not Site.isBuilt -> Some "docs/site is not built; run dotnet fsi docs/build.fsx -- --quick first."
    | None -> Some "no Chromium was found; install the package chromium, or name its program in HYBRID_CHROMIUM."
    | Some file when not (File.Exists file) -> Some $"HYBRID_CHROMIUM names {file}, which does not exist."
    | Some _ -> None

let private browser =
    lazy
        (task {
            let! playwright = Playwright.CreateAsync()

            let options =
                BrowserTypeLaunchOptions(
                    ExecutablePath = Option.get executable,
                    Args =
                        [
                            yield! [ "--no-sandbox"; "--disable-gpu"; "--disable-quic"; "--no-first-run" ]
                            yield! [ "--disable-background-networking"; "--disable-component-update"; "--disable-sync" ]
                        ]
                )

            return! playwright.Chromium.LaunchAsync options
        })

let close () =
    if browser.IsValueCreated then
        browser.Value.Result.CloseAsync().Wait()

/// Where the site is read from.
type Place =
    | Disk
    | Http

let private server = lazy (Server.start Site.folder)

/// The address of the site at that place; ends in a slash.
let baseOf place =
    match place with
    | Disk -> Uri(Site.folder + "/").AbsoluteUri
    | Http -> server.Value

/// The window that a reader has.
type Form = { Width: int; Height: int; Scheme: ColorScheme }

let wide = { Width = 1280; Height = 800; Scheme = ColorScheme.Light }
let narrow = { Width = 360; Height = 740; Scheme = ColorScheme.Light }
let dark form = { form with Scheme = ColorScheme.Dark }

/// A page in a browser of its own, without memory of others.
type Visit =
    {
        Page: IPage
        Base: string
        /// What the browser said against the page, and requests that left the site.
        Complaints: ResizeArray<string>
        /// The addresses that were loaded.
        Loaded: HashSet<string>
    }

let private isInner (address: string) = address.StartsWith "data:" || address.StartsWith "blob:"

let private watch (visit: Visit) =
    let complain text = lock visit.Complaints (fun () -> visit.Complaints.Add text)

    visit.Page.Console.Add(fun message ->
        if message.Type = "error" || message.Type = "warning" then
            complain $"console, {message.Type}: {message.Text} ({message.Location})")

    visit.Page.PageError.Add(fun error -> complain $"error: {error}")

    visit.Page.Request.Add(fun request ->
        if request.Url.StartsWith visit.Base then
            lock visit.Loaded (fun () -> visit.Loaded.Add(request.Url.Split('#', '?')[0]) |> ignore)
        elif not (isInner request.Url) then
            complain $"a request left the site: {request.Url}")

    visit.Page.RequestFailed.Add(fun request ->
        // A browser breaks off what it was loading when it is sent to another page.
        if request.Failure <> "net::ERR_ABORTED" then
            complain $"{request.Url} did not load: {request.Failure}")

    visit.Page.Response.Add(fun response ->
        if response.Status >= 400 then
            complain $"{response.Url} is answered by {response.Status}")

let private look = Path.Combine(__SOURCE_DIRECTORY__, "look.js")

/// ms until a wait is given up; long, because two pages and their charts share a small machine.
let private patience = 60_000f

/// Works on a fresh page without an address, in a window of that form.
let onPage (site: string) form (work: Visit -> Task<'T>) =
    task {
        let! browser = browser.Value

        let size = ViewportSize(Width = form.Width, Height = form.Height)
        let options = BrowserNewContextOptions(ViewportSize = size, ColorScheme = form.Scheme, AcceptDownloads = true)
        use! context = browser.NewContextAsync options
        do! context.GrantPermissionsAsync [ "clipboard-read"; "clipboard-write" ]
        let! _ = context.AddInitScriptAsync(scriptPath = look)
        let! page = context.NewPageAsync()
        page.SetDefaultTimeout patience
        let visit = { Page = page; Base = site; Complaints = ResizeArray(); Loaded = HashSet() }
        watch visit
        return! work visit
    }

/// Sends the browser to a page of the site and waits until it holds still.
let go (visit: Visit) (name: string) =
    task {
        let! _ = visit.Page.GotoAsync(visit.Base + name)
        let! _ = visit.Page.EvaluateAsync "look.settled()"
        return ()
    }

let resize (visit: Visit) form =
    task {
        do! visit.Page.SetViewportSizeAsync(form.Width, form.Height)
        let! _ = visit.Page.EvaluateAsync "look.settled()"
        return ()
    }

/// Works on a page of the site once it is drawn.
let visit place form name (work: Visit -> Task<'T>) =
    onPage (baseOf place) form (fun visit ->
        task {
            do! go visit name
            return! work visit
        })

/// Waits until the expression holds. Playwright's own wait makes code from text within the page, which the site's policy forbids.
let until (visit: Visit) (condition: string) =
    task {
        let watch = Diagnostics.Stopwatch.StartNew()
        let mutable holds = false

        while not holds do
            let! answer = visit.Page.EvaluateAsync<bool> condition
            holds <- answer

            if not holds then
                if watch.ElapsedMilliseconds > 30_000L then
                    failtest $"it does not come to {condition}"

                do! Task.Delay 50
    }

/// What a function of look.js finds.
let ask (visit: Visit) (call: string) =
    task {
        let! found = visit.Page.EvaluateAsync<string[]> call
        return List.ofArray found
    }

/// Fails with all complaints, each on a line.
let expectNone (complaints: string list) =
    if not complaints.IsEmpty then
        failtest (String.Join("\n", complaints))
