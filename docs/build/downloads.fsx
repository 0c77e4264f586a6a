namespace Hybrid.Docs

open System.IO

/// What a reader can take home of a page: the script as it is, and the notebook made of it.
[<RequireQualifiedAccess>]
module Downloads =
    /// Puts NAME.fsx and NAME.ipynb into the site; complains where no notebook can be made.
    let write (root: string) (site: string) (name: string) =
        let file = Path.Combine(root, "scripts", name + ".fsx")
        File.Copy(file, Path.Combine(site, name + ".fsx"), true)

        match Notebook.ofScript root (Listing.text root) name (File.ReadAllText file) with
        | Ok notebook ->
            File.WriteAllText(Path.Combine(site, name + ".ipynb"), notebook)
            []
        | Error faults -> faults
