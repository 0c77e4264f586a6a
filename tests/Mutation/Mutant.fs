namespace Hybrid.Mutation

/// One small change to the core's source. All of them are compiled into one assembly; a number switches one on.
type Mutant =
    {
        /// From 1; 0 is the core as it is.
        Number: int
        /// Below core, such as "Rules/Functions/Softmax.cs".
        File: string
        /// The innermost method, property or local function around it.
        Member: string
        Line: int
        /// That line of the file.
        Source: string
        Original: string
        Mutated: string
    }

    override mutant.ToString() = $"{mutant.File}:{mutant.Line} {mutant.Member}: {mutant.Original} → {mutant.Mutated}"
