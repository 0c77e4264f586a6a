/// Files for tests, and the safetensors format read once more, by System.Text.Json alone.
module Hybrid.Tests.Checkpoints.Files

open System
open System.IO
open System.IO.Compression
open System.Text
open System.Text.Json
open Expecto
open Hybrid.Files
open Hybrid.Tests.Support

/// Runs the test in a folder of its own, and removes it afterwards.
let withFolder (test: string -> 'R) =
    let folder = Directory.CreateTempSubdirectory "hybrid-"

    try
        test folder.FullName
    finally
        folder.Delete true

/// Runs the test on a path at which there is no file yet.
let withPath (test: string -> 'R) = withFolder (fun folder -> test (Path.Combine(folder, "model.safetensors")))

/// Runs the test on a file of these bytes.
let withBytes (bytes: byte[]) (test: string -> 'R) =
    withPath (fun path ->
        File.WriteAllBytes(path, bytes)
        test path)

/// A file of these bytes is refused; the message names it, and holds the fragments.
let refusesBytes (read: string -> 'R) fragments bytes =
    withBytes bytes (fun path -> refuses<DataFileException, _> (path :: fragments) (fun () -> read path))

let missingIsRefused (read: string -> 'R) =
    testCase "a missing file and a folder are refused" (fun () ->
        let path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.missing")
        let fragments = [ path; "cannot be read"; "restore the file or correct the path" ]
        refuses<DataFileException, _> fragments (fun () -> read path)
        refuses<DataFileException, _> [ "cannot be read" ] (fun () -> read (Path.GetTempPath())))

/// The bytes of a .gz file of this content.
let gzip (content: byte[]) =
    use packed = new MemoryStream()

    do
        use stream = new GZipStream(packed, CompressionLevel.Optimal)
        stream.Write(ReadOnlySpan content)

    packed.ToArray()

/// A file with this header, whatever it says, and so many bytes after it.
let fileOf (header: string) (data: byte[]) =
    let json = Encoding.UTF8.GetBytes header
    Array.concat [ BitConverter.GetBytes(int64 json.Length); json; data ]

/// What the format's description says of one tensor.
type Entry = { Name: string; Type: string; Shape: int64 list; Begin: int64; End: int64; Bytes: byte[] }

let sizeOf dtype =
    match dtype with
    | "F32" -> 4L
    | "F64"
    | "I64" -> 8L
    | other -> failtestf "unknown dtype %s" other

/// The entries in the order of the header, and the metadata.
let parse (file: byte[]) =
    let length = int (BitConverter.ToInt64(file, 0))
    use document = JsonDocument.Parse(file.AsMemory(8, length))
    let data = file[8 + length ..]
    let text (element: JsonElement) = element.GetString() |> nonNull
    let integers (element: JsonElement) = [ for item in element.EnumerateArray() -> item.GetInt64() ]

    let entries =
        [
            for property in document.RootElement.EnumerateObject() do
                if property.Name <> "__metadata__" then
                    let offsets = integers (property.Value.GetProperty "data_offsets")

                    {
                        Name = property.Name
                        Type = text (property.Value.GetProperty "dtype")
                        Shape = integers (property.Value.GetProperty "shape")
                        Begin = offsets[0]
                        End = offsets[1]
                        Bytes = data[int offsets[0] .. int offsets[1] - 1]
                    }
        ]

    let metadata =
        match document.RootElement.TryGetProperty "__metadata__" with
        | true, element -> Map.ofSeq (seq { for item in element.EnumerateObject() -> item.Name, text item.Value })
        | _ -> Map.empty

    entries, metadata

/// Every rule of the format, and the order and alignment that the reference library gives its files.
let expectWellFormed (file: byte[]) =
    let length = BitConverter.ToInt64(file, 0)
    Expect.equal (length % 8L) 0L "the data starts at a multiple of 8"
    Expect.equal file[8] (byte '{') "the header starts with a brace"
    let entries, _ = parse file
    let mutable reached = 0L

    for entry in entries do
        let size = sizeOf entry.Type
        Expect.equal entry.Begin reached $"{entry.Name} starts where the tensor before it ends"
        Expect.equal (entry.Begin % size) 0L $"{entry.Name} is aligned to its elements"
        let bytes = size * List.fold (*) 1L entry.Shape
        Expect.equal (entry.End - entry.Begin) bytes $"{entry.Name} has the bytes of its shape"
        reached <- entry.End

    Expect.equal (8L + length + reached) (int64 file.Length) "the last tensor ends with the file"
    let types = [ "I64"; "F64"; "F32" ]

    let sorted =
        entries
        |> List.sortWith (fun a b ->
            match compare (List.findIndex ((=) a.Type) types) (List.findIndex ((=) b.Type) types) with
            | 0 -> String.CompareOrdinal(a.Name, b.Name)
            | order -> order)

    Expect.equal [ for e in entries -> e.Name ] [ for e in sorted -> e.Name ] "by size of element, then by name"
