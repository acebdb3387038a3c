/*  Gives the contact synchronisation a login of its own, with the rights that it needs and no others.
    Donne à la synchronisation des contacts un compte à elle, avec les droits nécessaires et aucun autre.

    Run it as a member of sysadmin, in SQL Server Management Studio or by sqlcmd, once for each company database.
    It may be run again: after an upgrade of Sage 100 that rebuilt tables, it restores what was lost with them.
    SQL Server 2012 or later. revoke.sql takes everything back.
*/
SET NOCOUNT ON;

---- Parameters -------------------------------------------------------------------------------------------------------
DECLARE @database sysname       = N'BIJOU';          -- the company's database
DECLARE @login    sysname       = N'sync_contacts';  -- a SQL Server login; or a Windows account: N'DOMAIN\account'
DECLARE @password nvarchar(128) = N'';               -- of a SQL Server login that is yet to be made; else leave it empty
DECLARE @see_triggers bit       = 0;                 -- 1: may read the text of Sage's triggers (for "sage100-ssm probe")
DECLARE @see_information bit    = 0;                 -- 1: may see which information columns there are (Airbyte's streams)
-------------------------------------------------------------------------------------------------------------------------

DECLARE @role sysname = N'contact_sync';
DECLARE @sql nvarchar(max);
DECLARE @there nvarchar(300) = QUOTENAME(@database) + N'.sys.sp_executesql';

IF DB_ID(@database) IS NULL
BEGIN
    RAISERROR(N'There is no database of this name: nothing was done.', 16, 1);
    RETURN;
END;

-- The login.
IF SUSER_ID(@login) IS NULL
BEGIN
    IF CHARINDEX(N'\', @login) > 0
        SET @sql = N'CREATE LOGIN ' + QUOTENAME(@login) + N' FROM WINDOWS;';
    ELSE IF @password <> N''
        SET @sql = N'CREATE LOGIN ' + QUOTENAME(@login) + N' WITH PASSWORD = N''' + REPLACE(@password, N'''', N'''''')
                 + N''', CHECK_POLICY = ON;';
    ELSE
    BEGIN
        RAISERROR(N'The login does not exist yet: give it a password. Nothing was done.', 16, 1);
        RETURN;
    END;
    EXEC (@sql);
END;

-- Its user in the company's database.
SET @sql = N'
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE sid = SUSER_SID(@login))
BEGIN
    DECLARE @create nvarchar(max) = N''CREATE USER '' + QUOTENAME(@login) + N'' FOR LOGIN '' + QUOTENAME(@login) + N'';'';
    EXEC (@create);
END;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = @role AND type = N''R'')
BEGIN
    DECLARE @make nvarchar(max) = N''CREATE ROLE '' + QUOTENAME(@role) + N'' AUTHORIZATION dbo;'';
    EXEC (@make);
END;
DECLARE @user sysname = (SELECT name FROM sys.database_principals WHERE sid = SUSER_SID(@login));
IF @user <> N''dbo'' AND IS_ROLEMEMBER(@role, @user) = 0
BEGIN
    DECLARE @add nvarchar(max) = N''ALTER ROLE '' + QUOTENAME(@role) + N'' ADD MEMBER '' + QUOTENAME(@user) + N'';'';
    EXEC (@add);
END;
IF @user = N''dbo''
    RAISERROR(N''This login owns the database, and so has every right on it: choose another one.'', 16, 1);';
EXEC @there @sql, N'@login sysname, @role sysname', @login = @login, @role = @role;

-- The rights. What Sage's triggers do beside, they do by the right of their owner (ownership chaining within dbo).
SET @sql = N'
GRANT SELECT ON dbo.F_COMPTET TO contact_sync;
GRANT SELECT, INSERT, UPDATE, DELETE ON dbo.F_CONTACTT TO contact_sync;
GRANT SELECT ON dbo.P_SERVICECPTA TO contact_sync;
GRANT SELECT ON dbo.P_CONTACT TO contact_sync;';
EXEC @there @sql;

SET @sql = CASE @see_triggers WHEN 1 THEN N'
GRANT VIEW DEFINITION ON dbo.F_COMPTET TO contact_sync;
GRANT VIEW DEFINITION ON dbo.F_CONTACTT TO contact_sync;' ELSE N'
REVOKE VIEW DEFINITION ON dbo.F_COMPTET FROM contact_sync;
REVOKE VIEW DEFINITION ON dbo.F_CONTACTT FROM contact_sync;' END;
EXEC @there @sql;

SET @sql = CASE @see_information WHEN 1 THEN N'
GRANT SELECT ON dbo.cbSysLibre TO contact_sync;' ELSE N'
REVOKE SELECT ON dbo.cbSysLibre FROM contact_sync;' END;
IF OBJECT_ID(QUOTENAME(@database) + N'.dbo.cbSysLibre') IS NOT NULL
    EXEC @there @sql;

-- What the role may do now.
SET @sql = N'
SELECT OBJECT_NAME(p.major_id) AS [table], p.permission_name AS [right], p.state_desc AS [state]
FROM sys.database_permissions AS p
WHERE p.grantee_principal_id = DATABASE_PRINCIPAL_ID(@role) AND p.class = 1
ORDER BY 1, 2;';
EXEC @there @sql, N'@role sysname', @role = @role;
