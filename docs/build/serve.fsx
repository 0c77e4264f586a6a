namespace Hybrid.Docs

open System
open System.IO
open System.Net

/// The site on 127.0.0.1, to be looked at while one writes.
[<RequireQualifiedAccess>]
module Serve =
    let private kindOf (file: string) =
        match Path.GetExtension file with
        | ".html" -> "text/html; charset=utf-8"
        | ".css" -> "text/css; charset=utf-8"
        | ".js" -> "text/javascript; charset=utf-8"
        | ".json"
        | ".ipynb" -> "application/json"
        | ".svg" -> "image/svg+xml"
        | ".png" -> "image/png"
        | ".woff2" -> "font/woff2"
        | _ -> "text/plain; charset=utf-8"

    /// The file of the site that an address means; none if there is no such file, or if it lies elsewhere.
    let fileAt (site: string) (path: string) =
        let site = Path.GetFullPath site + string Path.DirectorySeparatorChar
        let file = Path.GetFullPath(Path.Combine(site, Uri.UnescapeDataString(path).TrimStart '/'))
        let file = if Directory.Exists file then Path.Combine(file, "index.html") else file
        let isInside = file.StartsWith(site, StringComparison.Ordinal)
        if isInside && File.Exists file then Some file else None

    let private answer site (context: HttpListenerContext) =
        use response = context.Response

        match fileAt site context.Request.Url.AbsolutePath with
        | Some file ->
            response.ContentType <- kindOf file
            let bytes = File.ReadAllBytes file
            response.ContentLength64 <- bytes.LongLength
            response.OutputStream.Write bytes
        | None -> response.StatusCode <- 404

    /// Listens on the first free port from 8000 on; returns the listener and its address.
    let private listen () =
        let rec from port =
            let address = $"http://127.0.0.1:{port}/"
            let listener = new HttpListener()
            listener.Prefixes.Add address

            try
                listener.Start()
                listener, address
            with :? HttpListenerException when port < 8100 ->
                from (port + 1)

        from 8000

    /// Serves the site until the process is stopped.
    let run site =
        let listener, address = listen ()
        printfn $"The site is at {address} until Ctrl-C."

        while true do
            let context = listener.GetContext()

            try
                answer site context
            with
            // The reader went away.
            | :? HttpListenerException
            | :? IOException -> ()
