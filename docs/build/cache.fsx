namespace Hybrid.Docs

open System
open System.IO
open System.Security.Cryptography
open System.Text

/// What was evaluated before and would come out the same again, in docs/.cache: a folder for each page and mode, named by a hash of all that
/// the page depends on.
[<RequireQualifiedAccess>]
module Cache =
    let private isProduct (root: string) (file: string) =
        Path.GetRelativePath(root, file).Split Path.DirectorySeparatorChar
        |> Array.exists (fun part -> part = "bin" || part = "obj" || part = "out")

    /// The files below a folder with one of these patterns, without what builds make.
    let files (root: string) (folder: string) (patterns: string list) =
        [
            for pattern in patterns do
                yield! Directory.GetFiles(Path.Combine(root, folder), pattern, SearchOption.AllDirectories)
        ]
        |> List.filter (isProduct root >> not)

    /// A hash of these words and of the names and contents of these files.
    let hash (root: string) (words: string list) (files: string list) =
        use all = IncrementalHash.CreateHash HashAlgorithmName.SHA256

        let append (bytes: byte[]) =
            all.AppendData(BitConverter.GetBytes bytes.Length)
            all.AppendData bytes

        for word in words do
            append (Encoding.UTF8.GetBytes word)

        for file in List.sort files do
            append (Encoding.UTF8.GetBytes(Path.GetRelativePath(root, file)))
            append (File.ReadAllBytes file)

        Convert.ToHexStringLower(all.GetHashAndReset())[..15]

    let private folder (root: string) = Path.Combine(root, "docs", ".cache")

    /// Where things are made before they are kept.
    let staging (root: string) = Path.Combine(root, "docs", ".staging")

    /// Removes what was made and not kept.
    let tidy root =
        if Directory.Exists(staging root) then
            Directory.Delete(staging root, true)

    /// The folder for what has this name and hash. It is there if it was kept.
    let entry root (name: string) (hash: string) = Path.Combine(folder root, $"{name}.{hash}")

    /// Moves a folder into the cache, in place of everything of that name.
    let keep root (name: string) (hash: string) (made: string) =
        Directory.CreateDirectory(folder root) |> ignore

        for old in Directory.GetDirectories(folder root, name + ".*") do
            Directory.Delete(old, true)

        Directory.Move(made, entry root name hash)
