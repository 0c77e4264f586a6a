/// A server of the site's files, only for this machine.
module Hybrid.Tests.Site.Server

open System.IO
open System.Net
open System.Net.Sockets

let private contentType (file: string) =
    match Path.GetExtension file with
    | ".html" -> "text/html; charset=utf-8"
    | ".js" -> "text/javascript; charset=utf-8"
    | ".css" -> "text/css; charset=utf-8"
    | ".svg" -> "image/svg+xml"
    | ".png" -> "image/png"
    | ".woff2" -> "font/woff2"
    | ".json"
    | ".ipynb" -> "application/json"
    | _ -> "application/octet-stream"

let private freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

let private answer (folder: string) (context: HttpListenerContext) =
    task {
        use response = context.Response
        let path = WebUtility.UrlDecode((nonNull context.Request.Url).AbsolutePath).TrimStart '/'
        let file = Path.GetFullPath(Path.Combine(folder, path))

        if file.StartsWith(folder + string Path.DirectorySeparatorChar) && File.Exists file then
            response.ContentType <- contentType file
            let! bytes = File.ReadAllBytesAsync file
            response.ContentLength64 <- bytes.LongLength
            // A browser that has left the page no longer listens.
            try
                do! response.OutputStream.WriteAsync(System.ReadOnlyMemory bytes)
            with
            | :? HttpListenerException
            | :? IOException -> ()
        else
            response.StatusCode <- 404
    }

/// Serves the folder until the program ends; returns its address, which ends in a slash.
let start (folder: string) =
    let address = $"http://127.0.0.1:{freePort ()}/"
    let listener = new HttpListener()
    listener.Prefixes.Add address
    listener.Start()

    task {
        while true do
            let! context = listener.GetContextAsync()
            answer folder context |> ignore
    }
    |> ignore

    address
