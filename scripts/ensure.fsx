// Builds the core and what pages share, and copies the libraries of the scripts beside them, when a source has changed since the last build.
// A page loads this file before prelude.fsx, which references what is built here.
open System
open System.Diagnostics
open System.IO
open System.Threading

let private scripts = __SOURCE_DIRECTORY__
let private root = Path.GetDirectoryName scripts
let private project = Path.Combine(scripts, "prelude")
let private built = Path.Combine(project, "bin", "Release", "net10.0", "Hybrid.Prelude.dll")
let private stamp = Path.Combine(project, "obj", "sources.txt")

/// Names and times of all sources: differs from the stamp also when a file was removed or an older one checked out.
let private sources () =
    let isProduct (file: string) =
        Path.GetRelativePath(root, file).Split Path.DirectorySeparatorChar
        |> Array.exists (fun part -> part = "bin" || part = "obj")

    [
        for pattern in [ "*.cs"; "*.csproj"; "*.fs"; "*.fsproj" ] do
            for folder in [ Path.Combine(root, "core"); project ] do
                yield! Directory.GetFiles(folder, pattern, SearchOption.AllDirectories)
        yield! Directory.GetFiles(root, "Directory.*")
    ]
    |> List.filter (isProduct >> not)
    |> List.sort
    |> List.map (fun file ->
        $"{Path.GetRelativePath(root, file)} {File.GetLastWriteTimeUtc(file).Ticks}")
    |> String.concat "\n"

let private isFresh () =
    File.Exists built && File.Exists stamp && File.ReadAllText stamp = sources ()

/// Holds the lock file open, so that two scripts started together do not build into each other.
let private takeLock () =
    Directory.CreateDirectory(Path.GetDirectoryName stamp) |> ignore

    let tryTake () =
        try
            Some(
                new FileStream(
                    Path.ChangeExtension(stamp, "lock"),
                    FileMode.OpenOrCreate,
                    FileAccess.ReadWrite,
                    FileShare.None
                )
            )
        with :? IOException ->
            None

    // No recursion: a handler that calls itself again keeps its frame, and a minute of waiting would use up the stack.
    let mutable taken = tryTake ()

    while taken.IsNone do
        Thread.Sleep 200
        taken <- tryTake ()

    taken.Value

let private build () =
    eprintfn "Building the core (once) ..."
    // Taken before the build: a source saved while it runs makes the next script build again.
    let sourcesBuilt = sources ()

    let arguments =
        [
            "build"
            project
            "-c"
            "Release"
            "--nologo"
            "-v"
            "q"
            "-clp:ErrorsOnly;NoSummary"
            "--disable-build-servers"
        ]

    let start = ProcessStartInfo("dotnet", arguments, RedirectStandardOutput = true)
    use dotnet = Process.Start start
    let messages = dotnet.StandardOutput.ReadToEnd()
    dotnet.WaitForExit()

    if dotnet.ExitCode = 0 then
        File.WriteAllText(stamp, sourcesBuilt)
    else
        eprintfn $"{messages.Trim()}"
        eprintfn "The core does not build; mend the error above and start the script again."
        exit 1

if not (isFresh ()) then
    using (takeLock ()) (fun _ ->
        // Another script may have built while this one waited.
        if not (isFresh ()) then
            build ())
